"""What a series tells of itself."""

from jobstream.cli.bench.series import Series
from jobstream.ids import new_id


def test_rates_and_latencies():
    series = Series("POST /jobs", 4, ids={new_id() for _ in range(4)}, latencies=[0.004, 0.001, 0.002, 0.003])
    series.taken_s, series.done_s = 0.5, 2.0
    series.ended.update(COMPLETED=4)
    assert series.right
    assert series.document() == {
        "door": "POST /jobs",
        "jobs": 4,
        "taken_per_s": 8.0,
        "done_per_s": 2.0,
        "latency_p50_ms": 2.0,
        "latency_p99_ms": 4.0,
        "ended": {"COMPLETED": 4},
        "wrong_results": 0,
    }


def test_what_was_not_measured_is_null():
    told = Series("records", 4).document()
    assert (told["done_per_s"], told["latency_p50_ms"]) == (None, None)


def test_a_job_that_failed_or_brought_something_else_is_not_right():
    ids = {new_id(), new_id()}
    failed, other = Series("records", 2, ids=ids), Series("records", 2, ids=ids, wrong=1)
    failed.ended.update(COMPLETED=1, FAILED=1)
    other.ended.update(COMPLETED=2)
    assert not failed.right
    assert not other.right
