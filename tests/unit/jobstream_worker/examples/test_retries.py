"""flaky and doomed fail as foretold."""

import pytest

from jobstream.contracts.status import JobStatus
from jobstream.handlers.declare import spec_of
from jobstream.testing import JobHarness
from jobstream_worker.examples.retries import doomed, flaky


@pytest.mark.parametrize("failures", [0, 1, 2, 5])
async def test_flaky_fails_as_often_as_told_and_then_succeeds(failures):
    report = await JobHarness(flaky).run({"failures": failures})
    assert report.status == JobStatus.COMPLETED
    assert report.retries == failures
    assert report.result == {"attempts": failures + 1}
    assert [error.message for error in report.errors] == [
        f"failure {number} of {failures}, as ordered" for number in range(1, failures + 1)
    ]
    assert sum(report.waits) < 8
    assert report.runs[-1].progress[-1] == (1.0, f"attempt {failures + 1}")


async def test_flaky_that_fails_more_often_than_it_may_fails():
    report = await JobHarness(flaky).run({"failures": 6})
    assert (report.status, report.retries) == (JobStatus.FAILED, 5)


async def test_doomed_fails_at_every_attempt_with_what_it_was_told():
    report = await JobHarness(doomed).run({"message": "no luck"})
    assert (report.status, report.retries) == (JobStatus.FAILED, 2)
    assert [(error.type, error.message) for error in report.errors] == [("RuntimeError", "no luck")] * 3
    assert (await JobHarness(doomed).run()).errors[0].message == "this job always fails"


def test_their_waits_are_short():
    for function in (flaky, doomed):
        assert max(spec_of(function).backoff.ceiling(attempt) for attempt in range(1, 10)) <= 2
