"""docker-compose.yml on a real engine, from the build to `down`. The tests run in this order, on one project.

Waits follow from the settings as they ship: leases of 30 s, sessions of 45 s, 30 s of grace for running jobs.
"""

import json
import subprocess
import time
from collections import Counter
from datetime import datetime
from typing import Any

import httpx2
import pytest

from tests.compose.conftest import healthy
from tests.compose.stack import ROOT, Container, Stack, until

pytestmark = [pytest.mark.compose, pytest.mark.timeout(1800)]

LOST_S = 150.0
"""Until the jobs of a killed worker have run elsewhere: its session, its leases, and their second run."""


def find(client: httpx2.Client, tag: str) -> list[dict[str, Any]]:
    """All jobs with the tag."""
    items: list[dict[str, Any]] = client.get("/jobs", params={"tag": tag, "limit": 200}).json()["items"]
    return items


def submit_naps(client: httpx2.Client, tag: str, seconds: list[float]) -> None:
    """Submit one job that sleeps for each of ``seconds``."""
    jobs = [{"type": "nap", "payload": {"seconds": each}, "tags": [tag]} for each in seconds]
    answer = client.post("/jobs/batch", json={"jobs": jobs})
    assert answer.status_code < 300, answer.text
    assert all("id" in json.dumps(item) for item in answer.json()["items"]), answer.text


def workers(client: httpx2.Client) -> list[dict[str, Any]]:
    """The workers that are alive."""
    return [one for one in client.get("/workers").json()["items"] if one["live"]]


def shares(client: httpx2.Client, number: int) -> list[dict[str, Any]] | None:
    """The live workers, once they are ``number`` and every partition is with exactly one of them."""
    alive = workers(client)
    held = Counter((topic, one) for worker in alive for topic, ones in worker["partitions"].items() for one in ones)
    wanted = {(topic, one) for topic in ("jobs.created", "jobs.created.high", "jobs.created.low") for one in range(12)}
    evenly = all(sum(map(len, worker["partitions"].values())) == 36 // number for worker in alive)
    return alive if len(alive) == number and held == Counter(wanted) and evenly else None


def test_the_file_is_clean(stack: Stack) -> None:
    done = subprocess.run(
        ["docker", "compose", "-f", "docker-compose.yml", "config", "--quiet"], cwd=ROOT, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_tables_and_topics_are_made_before_the_services_start(stack: Stack) -> None:
    (migrate,) = stack.containers("migrate")
    assert (migrate.status, migrate.exit_code) == ("exited", 0)


def test_a_job_over_http_is_completed(stack: Stack) -> None:
    with stack.client() as client:
        submitted = client.post("/jobs", json={"payload": {"task": "example", "value": 42}})
        assert submitted.status_code == 201, submitted.text
        job = client.get(submitted.headers["Location"], params={"wait": 20}).json()
    assert (job["status"], job["result"], job["retries"]) == ("COMPLETED", {"output": "success"}, 0)


def test_a_record_from_a_program_on_the_host_is_completed(stack: Stack) -> None:
    stack.write("jobs.created", '{"payload": {"task": "example", "value": 42}, "tags": ["from-the-host"]}\n')
    with stack.client() as client:
        (job,) = until(lambda: find(client, "from-the-host"), "the record is listed", 20)
        done = client.get(f"/jobs/{job['id']}", params={"wait": 20}).json()
    assert (done["status"], done["result"]) == ("COMPLETED", {"output": "success"})


def test_three_workers_share_the_partitions(stack: Stack) -> None:
    with stack.client() as client:
        alive = until(lambda: shares(client, 3), "three workers share 36 partitions evenly", 60)
    hosts = {one.host for one in stack.containers("worker")}
    assert {worker["host"] for worker in alive} == hosts
    assert all("nap" in worker["types"] for worker in alive)


def test_services_run_without_rights(stack: Stack) -> None:
    for service in ("api", "worker"):
        one = stack.containers(service)[0]
        assert stack.docker("exec", one.id, "id", "-u").strip() == "10001"
        script = "for at in / /app /opt/app; do ! touch $at/x 2>/dev/null || echo $at; done; grep CapEff /proc/1/status"
        written, _, rights = stack.docker("exec", one.id, "sh", "-c", script).rpartition("CapEff:")
        assert (written, int(rights, 16)) == ("", 0)


def test_ports_are_open_to_this_machine_only(stack: Stack) -> None:
    for one in stack.containers():
        for line in stack.docker("port", one.id).splitlines():
            assert " -> 127.0.0.1:" in line, f"{one.service}: {line}"


def test_a_killed_worker_container_loses_no_job(stack: Stack) -> None:
    with stack.client() as client:
        until(lambda: shares(client, 3), "the partitions have settled", 60)
        submit_naps(client, "kill", [1 + 2 * number / 59 for number in range(60)])
        until(lambda: any(job["status"] == "COMPLETED" for job in find(client, "kill")), "the first jobs end", 20)
        victim, at_risk = busiest(stack, client)
        stack.docker("kill", victim.id)

        def ended() -> Counter[str] | None:
            statuses = Counter(job["status"] for job in find(client, "kill"))
            return statuses if statuses["COMPLETED"] == 60 else None

        try:
            until(ended, "60 jobs are COMPLETED", LOST_S)
        except AssertionError as error:
            open_jobs = [job for job in find(client, "kill") if job["status"] != "COMPLETED"]
            raise AssertionError(f"{error}\n{open_jobs[:3]}\n{stack.logs()}") from None
        jobs = find(client, "kill")
        assert len(jobs) == 60
        again = [job for job in jobs if job["retries"]]
        assert again, "the kill came too late to hit anything"
        assert {job["id"] for job in again} <= at_risk, "a job that was not with the killed worker was run again"
        assert all(job["result"]["slept_in"] != victim.host for job in again)
        until(lambda: shares(client, 2), "the two that are left share the partitions", 90)


def busiest(stack: Stack, client: httpx2.Client) -> tuple[Container, set[str]]:
    """The container with the most running jobs, and the jobs that it may have in its hands."""
    jobs = find(client, "kill")
    running = Counter(job["worker"] for job in jobs if job["status"] == "RUNNING")
    assert running, "no job is running"
    worker = running.most_common(1)[0][0]
    (container,) = [one for one in stack.containers("worker") if worker.startswith(f"{one.host}-")]
    return container, {job["id"] for job in jobs if job["status"] != "COMPLETED" and job["worker"] in (None, worker)}


def test_a_crashed_worker_is_started_again(stack: Stack) -> None:
    one = next(each for each in stack.containers("worker") if each.status == "running")
    crash = "import os; os.kill(int(open('/proc/1/task/1/children').read().split()[0]), 9)"
    stack.docker("exec", one.id, "python", "-c", crash)

    def back() -> bool:
        now = next(each for each in stack.containers("worker") if each.id == one.id)
        return now.restarts == 1 and now.health == "healthy"

    until(back, "the container is healthy again", 90)


def test_scaling_up_again_brings_the_third_worker_back(stack: Stack) -> None:
    stack.compose("up", "--detach", "--scale", "worker=3", timeout_s=120)
    with stack.client() as client:
        until(lambda: shares(client, 3), "three workers share 36 partitions evenly", 120)


def test_stop_lets_running_jobs_finish_or_hands_them_back(stack: Stack) -> None:
    with stack.client() as client:
        submit_naps(client, "short", [4.0 + number / 5 for number in range(12)])
        submit_naps(client, "long", [70.0])

        def all_running() -> bool:
            return all(job["status"] == "RUNNING" for job in find(client, "short") + find(client, "long"))

        until(all_running, "all are running", 15)
    began = time.monotonic()
    stack.compose("stop", timeout_s=150)
    took_s = time.monotonic() - began
    codes = [(one.service, one.exit_code) for one in stack.containers() if one.service in ("api", "worker")]
    assert sorted(codes) == [("api", 0), *[("worker", 0)] * 3], "somebody was killed, or failed"
    # 30 s of grace for the long job; killed ones would show after 45 s.
    assert 25 < took_s < 60, took_s

    stack.compose("start", timeout_s=150)
    started = time.time()
    with stack.client() as client:
        until(lambda: healthy(stack, "api") == 1, "the api is healthy again", 90)

        def all_short() -> list[dict[str, Any]] | None:
            jobs = find(client, "short")
            return jobs if all(job["status"] == "COMPLETED" for job in jobs) else None

        for job in until(all_short, "what ended during the stop is recorded", 30):
            assert job["retries"] == 0
            assert datetime.fromisoformat(job["finished_at"]).timestamp() < started, "it ran a second time"

        def handed_back() -> bool:
            (job,) = find(client, "long")
            assert job["retries"] == 0, job
            return bool(job["status"] == "COMPLETED")

        until(handed_back, "the long job is COMPLETED, and its first run was not charged", 150)


def test_down_leaves_nothing(stack: Stack) -> None:
    assert set(stack.left()) == {"container", "volume", "network"}
    stack.compose("down", "--volumes", timeout_s=150)
    assert stack.left() == {}
