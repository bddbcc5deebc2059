"""Whether a job ended as foretold."""

import pytest

from jobstream.cli.demo.foretold import Foretold, differs, equals, file_was_made, mail_arrived
from jobstream.contracts.status import JobStatus


def test_as_foretold(job, place):
    assert differs(job("COMPLETED", result={"n": 1}), Foretold(holds=equals(n=1)), place) is None
    fails = Foretold(JobStatus.FAILED, 3, says="no luck")
    assert differs(job("FAILED", attempt=3, last_error="ValueError: no luck today"), fails, place) is None


@pytest.mark.parametrize(
    ("status", "fields", "foretold", "words"),
    [
        ("RUNNING", {}, Foretold(), "still RUNNING when time was up"),
        ("FAILED", {"last_error": "no luck"}, Foretold(), "FAILED instead of COMPLETED: no luck"),
        ("COMPLETED", {}, Foretold(JobStatus.FAILED), "COMPLETED instead of FAILED"),
        ("COMPLETED", {"attempt": 2}, Foretold(), "took 2 attempts instead of 1"),
        ("FAILED", {"last_error": "other"}, Foretold(JobStatus.FAILED, says="torn"), "without the words 'torn'"),
        ("COMPLETED", {"result": {"n": 2}}, Foretold(holds=equals(n=1)), "the result has {'n': 2} instead of {'n': 1}"),
        ("COMPLETED", {"result": None}, Foretold(holds=equals(n=1)), "has another shape"),
    ],
)
def test_in_another_way(job, place, status, fields, foretold, words):
    assert words in str(differs(job(status, **fields), foretold, place))


def test_a_job_that_the_api_never_saw(place):
    assert differs(None, Foretold(), place) == "the api never saw it"


def test_a_file_counts_once_it_is_there_whole(place):
    result = {"target": "jobstream-demo/out.webp", "bytes": 3}
    assert "there is no" in str(file_was_made(result, place))
    (place.files / "out.webp").write_bytes(b"ab")
    assert "of 3 bytes" in str(file_was_made(result, place))
    (place.files / "out.webp").write_bytes(b"abc")
    assert file_was_made(result, place) is None


def test_a_mail_counts_once_it_is_in_the_inbox(place):
    result = {"message_id": "<0199-ab@localhost>"}
    assert "the inbox has no" in str(mail_arrived(result, place))
    (place.mails / "0199-ab.eml").touch()
    assert mail_arrived(result, place) is None
