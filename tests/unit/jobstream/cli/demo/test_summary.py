"""What the demo came to, counted and told."""

import io

import pytest
from rich.console import Console

from jobstream.cli.demo.acts import Act, Door
from jobstream.cli.demo.foretold import Foretold
from jobstream.cli.demo.rates import Rate
from jobstream.cli.demo.report import next_steps, report
from jobstream.cli.demo.summary import Summary
from jobstream.contracts.status import JobStatus


@pytest.fixture
def acts(job):
    """A job that was retried, one that failed as foretold, one whose door was shut."""
    flaky = Act("flaky", "", {}, Foretold(attempts=3), Door.HTTP, job=job("COMPLETED", attempt=3, result={}))
    doomed = Act("doomed", "", {}, Foretold(JobStatus.FAILED), Door.KAFKA, job=job("FAILED", last_error="no luck"))
    for act in (flaky, doomed):
        act.job_id = act.job.id
    return [flaky, doomed, Act("example", "", {}, door=Door.KAFKA, trouble="not taken: no answer")]


@pytest.fixture
def burst(job):
    """Three jobs over Kafka: two completed, one failed."""
    rate = Rate("burst", Door.KAFKA, jobs=3, latencies=[0.01, 1.25], taken_s=0.5, took_s=1.0)
    for status in ("COMPLETED", "COMPLETED", "FAILED"):
        rate.note(job(status))
    return rate


def test_counts_by_type_door_and_outcome(acts, burst, place):
    document = Summary(place, "demo-1", acts, [burst], {"compute": "why"}, 12.34).document()
    assert document["doors"] == {"http": 1, "kafka": 4}
    assert document["jobs"] == 5
    assert document["types"] == {
        "flaky": {"jobs": 1, "outcomes": {"COMPLETED": 1, "RETRYING": 2}},
        "doomed": {"jobs": 1, "outcomes": {"FAILED": 1}},
        "example": {"jobs": 3, "outcomes": {"COMPLETED": 2, "FAILED": 1}},
    }
    assert document["as_foretold"] is False
    assert len(document["surprises"]) == 2
    assert "not taken: no answer" in document["surprises"][0]
    assert document["rates"][0] == {
        "series": "burst over kafka",
        "jobs": 3,
        "jobs_per_s": 2.0,
        "taken_per_s": 6.0,
        "p50_s": 0.01,
        "p99_s": 1.25,
    }


def test_all_as_foretold(acts, place):
    summary = Summary(place, "demo-1", acts[:2], [], {}, 1.0)
    assert summary.surprises() == []
    assert summary.document()["as_foretold"] is True


@pytest.mark.parametrize("width", [80, 160])
def test_the_report_fits_and_says_what_to_try(acts, burst, place, width):
    file = io.StringIO()
    summary = Summary(place, "demo-1", acts, [burst], {"compute": "no worker runs it"}, 1.0)
    report(summary, Console(file=file, width=width))
    lines = file.getvalue().splitlines()
    assert max(len(line) for line in lines[:12]) <= width
    assert "Not as foretold:" in lines
    assert "left out: compute, since no worker runs it" in lines
    assert any("burst over kafka" in line and "10 ms" in line and "1.25 s" in line for line in lines)
    assert f"  jobstream get {acts[0].job_id} -o json" in lines
    assert f"  jobstream retry {acts[1].job_id}" in lines


def test_what_cannot_be_tried_is_not_proposed(place):
    steps = [command for _, command in next_steps(Summary(place, "demo-1", [], [], {}, 1.0))]
    assert steps == ["jobstream new handler greet"]


@pytest.mark.parametrize(("share", "latency"), [(0.5, 50.0), (0.99, 99.0), (1.0, 100.0), (0.001, 1.0)])
def test_latencies_by_nearest_rank(share, latency):
    rate = Rate("burst", Door.HTTP, latencies=[float(number) for number in range(100, 0, -1)])
    assert rate.latency(share) == latency


def test_a_series_of_nothing_has_no_figures():
    rate = Rate("burst", Door.HTTP)
    assert (rate.latency(0.5), rate.per_s) == (None, None)
