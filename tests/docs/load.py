"""A little of everything, so that each metric has something to say."""

from typing import Any

import httpx2

from tests.support.eventually import eventually
from tests.support.space import Running, Space

OVER_HTTP = 40
"""Jobs of one `wave` over HTTP."""
DIRECT = 15
"""Records of one `wave` that are jobs."""


async def wave(space: Space, client: httpx2.AsyncClient) -> None:
    """Submit jobs of all fates through both doors, and a record that is none."""
    jobs: list[dict[str, Any]] = [{"type": "instant", "payload": {"result": number}} for number in range(25)]
    jobs += [{"type": "sleeper", "payload": {"seconds": 0.6, "n": number}} for number in range(4)]
    jobs += [{"type": "keyed", "key": "one", "payload": {"n": number, "seconds": 0.2}} for number in range(5)]
    jobs += [{"type": "flaky_test", "payload": {"failures": 1}} for _ in range(3)]
    jobs += [{"type": "instant", "payload": {}, "delay_s": 1.0}]
    jobs += [{"type": "fatal", "payload": {}}, {"type": "quitter", "payload": {}}]
    assert len(jobs) == OVER_HTTP
    answer = await client.post("/jobs/batch", json={"jobs": jobs})
    assert answer.status_code == 201, answer.text
    await space.produce([{"type": "instant", "payload": {"n": number}} for number in range(DIRECT)])
    await space.produce([b"this is no job"])


async def until_done(space: Space, waves: int) -> None:
    """Wait until every job of so many waves has ended."""
    wanted = {"COMPLETED": waves * (OVER_HTTP + DIRECT - 2), "FAILED": waves, "CANCELLED": waves}

    async def ended() -> bool:
        statuses = await space.statuses()
        assert statuses == wanted, f"{statuses}"
        return True

    await eventually(ended, timeout=60, every=0.2, what=f"the jobs have ended as {wanted}")


async def read(running: Running) -> str:
    """What a process says of itself."""
    async with httpx2.AsyncClient(base_url=running.url, timeout=10) as client:
        answer = await client.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    return answer.text
