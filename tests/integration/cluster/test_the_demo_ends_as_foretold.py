"""The demo: all ends as foretold and the metrics say the same; and when it does not, it tells."""

import json
import signal
import socket
from collections import Counter

import httpx2
import pytest
from prometheus_client.parser import text_string_to_metric_families

from jobstream.local.ports import HOST
from tests.docs.promql import promtool
from tests.integration.cluster.demo import begin, ended, play, running_in
from tests.integration.cluster.running import Up
from tests.support.eventually import eventually

pytestmark = pytest.mark.integration

SHIPPED = {
    *("compute", "data.pipeline", "doomed", "email.send"),
    *("example", "flaky", "image.thumbnail", "video.thumbnail"),
}


async def scrape(url: str) -> str:
    """What one process exposes."""
    async with httpx2.AsyncClient() as client:
        return (await client.get(url, timeout=10)).raise_for_status().text


def counts(text: str, name: str, *labels: str) -> Counter[tuple[str, ...]]:
    """The samples of a counter that are not zero, by the values of these labels."""
    found: Counter[tuple[str, ...]] = Counter()
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name == name and sample.value:
                found[tuple(sample.labels[label] for label in labels)] += int(sample.value)
    return found


async def test_all_ends_as_foretold_and_the_metrics_count_the_same(up: Up):
    run = await up.start(broker=None)
    played = await play(up.folder, "-o", "json")
    assert played.code == 0, played.err
    summary = played.summary
    assert (summary["as_foretold"], summary["surprises"], summary["left_out"]) == (True, [], {})
    assert summary["took_s"] < 60
    assert set(summary["types"]) == SHIPPED
    assert summary["doors"]["http"] > 2_000
    assert summary["doors"]["kafka"] > 2_000
    assert len(list((up.state / "inbox").glob("*.eml"))) == 2

    of_api, *of_workers = [await scrape(url) for url in run["metrics"]]
    doors = {(door,): number for door, number in summary["doors"].items()}
    assert counts(of_api, "jobstream_jobs_total", "door") == doors
    outcomes = {
        (name, status): number for name, one in summary["types"].items() for status, number in one["outcomes"].items()
    }
    assert counts(of_api, "jobstream_run_outcomes_total", "type", "status") == outcomes

    by_event: Counter[str] = Counter()
    for (_, status), number in outcomes.items():
        by_event["completed" if status == "COMPLETED" else "failed"] += number
    told = sum((counts(text, "jobstream_worker_outcomes_total", "event") for text in of_workers), Counter())
    assert told == {(event,): number for event, number in by_event.items()}
    started = sum((counts(text, "jobstream_worker_runs_started_total") for text in of_workers), Counter())
    assert started == {(): by_event.total()}

    for text in (of_api, *of_workers):
        assert promtool("check", "metrics", given=text) == ""


async def test_without_a_cluster_it_starts_one_and_leaves_nothing_behind(tmp_path):
    played = await play(tmp_path, "--broker", "embedded")
    assert played.code == 0, played.out + played.err
    assert "All 4,117 jobs ended as foretold, in " in played.out
    assert "starting PostgreSQL, a broker, the api and two workers" in played.err
    assert not (tmp_path / ".jobstream" / "run.json").exists()
    await eventually(lambda: not running_in(tmp_path), what=f"nothing runs on of {running_in(tmp_path)}")


async def test_a_demo_that_is_interrupted_takes_its_cluster_down(tmp_path):
    process = begin(tmp_path, "--broker", "embedded")
    try:
        await eventually(lambda: (tmp_path / ".jobstream" / "run.json").exists(), timeout=60)
        process.send_signal(signal.SIGINT)
        stopped = await ended(process)
    finally:
        process.kill()
    assert stopped.code == 1
    assert stopped.err.endswith("jobstream: stopped before its end\n")
    await eventually(lambda: not running_in(tmp_path), what=f"nothing runs on of {running_in(tmp_path)}")


async def test_what_does_not_end_as_foretold_is_told_and_the_code_is_1(up: Up):
    run = await up.start("--workers", "1")
    # The workers look for the files in another folder than the demo has put them.
    (up.state / "run.json").write_text(json.dumps(run | {"files": str(up.folder / "elsewhere")}))
    played = await play(up.folder)
    assert played.code == 1
    told = played.out.partition("Not as foretold:")[2].splitlines()
    assert len([line for line in told if "FAILED instead of COMPLETED" in line and "there is no file" in line]) == 4
    assert "data.pipeline        2      1      1          -       2        -           no" in played.out

    with socket.socket() as other:  # another program has the inbox's port
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind((HOST, int(run["smtp"].rpartition(":")[2])))
        other.listen()
        played = await play(up.folder)
    assert played.code == 1
    assert f"port {run['smtp'].rpartition(':')[2]}, where the workers send mails to, is taken" in played.err


async def test_a_cluster_elsewhere_is_played_without_files_and_mails(up: Up, tmp_path_factory):
    run = await up.start("--workers", "1")
    played = await play(tmp_path_factory.mktemp("other"), "--api", run["api"], "--kafka", run["kafka"], "-o", "json")
    assert played.code == 0, played.err
    assert set(played.summary["left_out"]) == {"data.pipeline", "email.send", "image.thumbnail", "video.thumbnail"}


async def test_a_cluster_without_services_is_no_stage(up: Up):
    await up.start("--no-services")
    played = await play(up.folder)
    assert played.code == 2
    assert "the cluster here runs without services" in played.err
