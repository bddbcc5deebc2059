"""What the ledger says of limits: how many ran at once, and how many began in a window."""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import httpx2

Entry = Mapping[str, Any]


def starts(runs: Iterable[Entry]) -> list[float]:
    """When handlers began, in order."""
    return sorted(run["at"] for run in runs if run["what"] == "start")


def most_at_once(runs: Iterable[Entry]) -> int:
    """How many ran at the same time at most."""
    steps = sorted((run["at"], 1 if run["what"] == "start" else -1) for run in runs)
    most = now = 0
    for _, step in steps:
        now += step
        most = max(most, now)
    return most


def most_in_a_window(times: Sequence[float], period_s: float) -> int:
    """How many of ``times``, sorted, lie in one window of a period at most."""
    return max(bisect_left(times, start + period_s) - place for place, start in enumerate(times))


async def submit(client: httpx2.AsyncClient, jobs: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Submit a batch; all of it has to be taken."""
    answer = await client.post("/jobs/batch", json={"jobs": list(jobs)})
    assert answer.status_code == 201, answer.text
    return [item["job"] for item in answer.json()["items"]]


async def put_limit(client: httpx2.AsyncClient, name: str, **fields: Any) -> None:
    """Set a limit."""
    answer = await client.put(f"/limits/{name}", json=fields)
    assert answer.status_code in (200, 201), answer.text
