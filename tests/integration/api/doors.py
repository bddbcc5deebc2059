"""What workers would write, and what the api wrote, for tests without a worker."""

import asyncio
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import httpx2

from jobstream.contracts.events import ErrorInfo, EventKind, StatusEvent, TypeAnnouncement
from jobstream.ids import new_id
from jobstream.kafka.follower import TopicFollower
from jobstream_api.domain.fold import Folded
from tests.support.space import Space


async def submit(client: httpx2.AsyncClient, **fields: Any) -> dict[str, Any]:
    """Submit a job of the type ``example``, with ``fields`` beside or instead of its payload."""
    answer = await client.post("/jobs", json={"payload": {"task": "example"}} | fields)
    assert answer.status_code == 201, answer.text
    job: dict[str, Any] = answer.json()
    return job


async def announce(space: Space, *types: str, **fields: Any) -> None:
    """Announce handlers as a worker does."""
    for name in types:
        said = TypeAnnouncement(type=name, at=datetime.now(UTC), **fields)
        await space.produce([said.to_json()], topic=space.topics.types, key=name.encode())


async def report(space: Space, job: dict[str, Any], event: EventKind, **fields: Any) -> None:
    """Report the end of a job's first dispatch, or of the one given in ``fields``."""
    at = datetime.now(UTC)
    said = StatusEvent(
        event=event,
        id=UUID(job["id"]),
        run_id=fields.pop("run_id", None) or new_id(),
        worker="a-worker",
        at=at,
        type=job["type"],
        **{"started_at": at, "finished_at": at, **fields},
    )
    await space.produce(
        [said.model_dump_json(exclude_none=True).encode()], topic=space.topics.status, key=job["id"].encode()
    )


def success(job: UUID) -> Folded:
    """What a batch says of a job whose first dispatch is a success."""
    at = datetime.now(UTC)
    ended = {"event": "completed", "run_id": new_id(), "worker": "w", "at": at, "type": "example", "result": {"n": 1}}
    event = StatusEvent.read(ended | {"id": job, "started_at": at, "finished_at": at})
    return Folded(job, 1, 1, 0, outcome=event)


def failed(message: str = "it broke") -> dict[str, Any]:
    """Fields of a failure that is not retried."""
    return {"retryable": False, "error": ErrorInfo(type="RuntimeError", message=message)}


async def read_all(space: Space, topic: str, *, at_least: int = 0, timeout_s: float = 20.0) -> list[Any]:
    """Every record of a topic; waits until there are ``at_least`` so many."""
    follower = TopicFollower(space.settings(), "test-reader", topic)
    await follower.start()
    try:
        ends = await follower.ends()
        follower.rewind([])
        records: list[Any] = []
        async with asyncio.timeout(timeout_s):
            while len(records) < at_least or not await follower.reached(ends):
                records += await follower.read(0.2)
        return records
    finally:
        await follower.stop()
