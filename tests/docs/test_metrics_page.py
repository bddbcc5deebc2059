"""docs/operations/metrics.md names what the services expose, and nothing else; and the figures are true."""

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.docs import load, promql
from tests.docs.promql import Metric
from tests.support.eventually import eventually
from tests.support.space import Space

pytestmark = pytest.mark.integration

SHARED = {"jobstream_telemetry_events_total", "jobstream_loop_last_success_age_seconds"}


def exposed(text: str) -> dict[str, Metric]:
    """The metrics in a scrape, by the name that the page uses; without `_created`."""
    found = {}
    for family in text_string_to_metric_families(text):
        name = f"{family.name}_total" if family.type == "counter" else family.name
        if not name.endswith("_created"):
            labels = {label for sample in family.samples for label in sample.labels} - {"le"}
            found[name] = Metric(family.type, frozenset(labels))
    return found


def figure(text: str, name: str, **labels: str) -> float:
    """The sum over the samples of that name with these labels."""
    samples = (sample for family in text_string_to_metric_families(text) for sample in family.samples)
    return sum(s.value for s in samples if s.name == name and labels.items() <= s.labels.items())


async def test_the_page_names_every_metric_and_the_counts_are_true(space: Space) -> None:
    api, (worker,) = await space.start_all(workers=1)
    async with space.http(api) as client:
        await load.wave(space, client)
        await load.until_done(space, 1)

        async def counted() -> tuple[str, str]:
            of_api, of_worker = await load.read(api), await load.read(worker)
            assert figure(of_api, "jobstream_queue_lag_records") == 0  # the leader's census has come after the load
            assert figure(of_api, "jobstream_run_outcomes_total", status="CANCELLED") == 1
            assert "jobstream_outbox_records 0" in of_api
            return of_api, of_worker

        of_api, of_worker = await eventually(counted, timeout=40, every=0.5)

    documented = promql.documented()
    of_one, of_other = exposed(of_api), exposed(of_worker)
    assert {name for name in documented if name.startswith("jobstream_worker_")} | SHARED == of_other.keys()
    assert {name for name in documented if not name.startswith("jobstream_worker_")} == of_one.keys()
    for name, metric in {**of_other, **of_one}.items():
        assert metric.kind == documented[name].kind, name
        assert metric.labels == documented[name].labels, name

    assert figure(of_api, "jobstream_jobs_total", door="http") == load.OVER_HTTP
    assert figure(of_api, "jobstream_jobs_total", door="kafka") == load.DIRECT
    completed = load.OVER_HTTP + load.DIRECT - 2
    assert figure(of_api, "jobstream_run_outcomes_total", status="COMPLETED") == completed
    assert figure(of_api, "jobstream_run_outcomes_total", status="RETRYING") == 3
    assert figure(of_api, "jobstream_start_latency_seconds_count") == completed
    assert figure(of_api, "jobstream_run_seconds_count") == completed + 3 + 2
    assert figure(of_api, "jobstream_attempts_count") == completed + 2
    assert figure(of_api, "jobstream_dead_letters_total", reason="invalid_json") == 1
    assert figure(of_api, "jobstream_leader") == 1
    assert figure(of_worker, "jobstream_worker_runs_started_total") == completed + 3 + 2
    assert figure(of_worker, "jobstream_worker_poison_total") == 1
    assert figure(of_worker, "jobstream_telemetry_events_total", event="job.finished") == completed + 3 + 2

    for text in (of_api, of_worker):
        assert promql.promtool("check", "metrics", given=text) == ""
