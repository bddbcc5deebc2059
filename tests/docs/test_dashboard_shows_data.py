"""A real Prometheus over a running system: the alerts load, and every query of the dashboard answers with data."""

import json
from pathlib import Path
from typing import Any

import httpx2
import pytest

from jobstream.local.ports import free_port
from jobstream.local.processes import Command
from tests.docs import load, promql
from tests.support.eventually import eventually
from tests.support.space import Running, Space

pytestmark = [pytest.mark.integration, pytest.mark.slow]

INTERVAL = "20s"
"""Stands for Grafana's $__rate_interval; Prometheus looks every second here."""


def configuration(folder: Path, api: Running, workers: list[Running]) -> Path:
    """The profile's configuration, with the addresses of this test."""
    jobs = {"jobstream-api": [api], "jobstream-worker": workers}
    document = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(promql.ALERTS)],
        "scrape_configs": [
            {"job_name": name, "static_configs": [{"targets": [one.url.removeprefix("http://") for one in processes]}]}
            for name, processes in jobs.items()
        ],
    }
    file = folder / "prometheus.yml"
    file.write_text(json.dumps(document))
    return file


async def ask(prometheus: httpx2.AsyncClient, path: str, **params: str) -> Any:
    answer = (await prometheus.get(f"/api/v1/{path}", params=params)).raise_for_status().json()
    assert answer["status"] == "success", answer
    return answer["data"]


async def test_every_query_answers_and_no_alert_is_broken(space: Space, tmp_path: Path) -> None:
    program = promql.program("prometheus")
    api, workers = await space.start_all(workers=2)
    address = f"127.0.0.1:{free_port()}"
    process = space.cluster.family.spawn(
        Command(
            name="prometheus",
            argv=[
                program,
                f"--config.file={configuration(tmp_path, api, workers)}",
                f"--storage.tsdb.path={tmp_path / 'tsdb'}",
                f"--web.listen-address={address}",
            ],
            log=tmp_path / "prometheus.log",
        )
    )
    try:
        async with (
            space.http(api) as client,
            httpx2.AsyncClient(base_url=f"http://{address}", timeout=10) as prometheus,
        ):

            async def all_up() -> bool:
                try:
                    found = await ask(prometheus, "query", query="sum(up)")
                except httpx2.HTTPError:  # not there yet, or 503 while it reads its log
                    return False
                return bool(found["result"] and found["result"][0]["value"][1] == "3")

            await eventually(all_up, timeout=30, every=0.3, what="Prometheus reads all three processes")
            for waves in (1, 2):  # a rate needs a counter that was there before
                await load.wave(space, client)
                await load.until_done(space, waves)

            async def silent() -> list[str]:
                return [query.where for query in promql.dashboard_queries() if not await answers(prometheus, query)]

            async def none_silent() -> bool:
                assert (missing := await silent()) == [], missing
                return True

            await eventually(none_silent, timeout=40, every=1.0, what="every query of the dashboard answers")
            rules = [rule for group in (await ask(prometheus, "rules"))["groups"] for rule in group["rules"]]
            assert {rule["name"] for rule in rules} == {rule["alert"] for rule in promql.alert_rules()}
            assert [rule for rule in rules if rule["health"] != "ok"] == []
            firing = {rule["name"] for rule in rules if rule["state"] == "firing"}
            assert firing <= {"JobstreamDeadLetters"}, firing
    finally:
        await process.stop(10.0)


async def answers(prometheus: httpx2.AsyncClient, query: promql.Query) -> bool:
    """True if the query has at least one number. A filter for what is above zero is left out: it hides what is well."""
    expr = query.filled(INTERVAL).removesuffix(" > 0")
    found = (await ask(prometheus, "query", query=expr))["result"]
    return any(sample["value"][1] != "NaN" for sample in found)
