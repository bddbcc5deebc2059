"""What must hold after every fault: nothing lost, nothing undone, nothing left over."""

import asyncio
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import httpx2
from aiokafka.errors import KafkaError

from jobstream.ids import new_id
from tests.support.eventually import eventually
from tests.support.space import Running, Space

TERMINAL = {"COMPLETED", "FAILED", "CANCELLED"}
HEAL_S = 120.0


@dataclass
class Load:
    """Jobs submitted through both doors while things break, each call recorded as ok or unknown.

    Attributes:
        ok: ids whose submit was acknowledged.
        unknown: calls that ended without an answer: each made no job or one.
    """

    space: Space
    ok: set[UUID] = field(default_factory=set)
    unknown: int = 0
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    api: Running | None = None

    async def run(self, jobs: int, *, task: str = "sleeper", seconds: float = 0.05) -> None:
        """Submit until ``jobs`` were acknowledged."""
        payload = {"task": task, "seconds": seconds}
        while len(self.ok) < jobs and not self.stop.is_set():
            await self._over_http(payload)
            await self._over_kafka(payload)

    async def _over_http(self, payload: dict[str, Any]) -> None:
        assert self.api is not None
        body = {"jobs": [{"payload": payload, "max_retries": 20}] * 20}
        try:
            async with httpx2.AsyncClient(base_url=self.api.url, timeout=10) as client:
                answer = await client.post("/jobs/batch", json=body)
        except httpx2.TransportError:
            self.unknown += 20
            await asyncio.sleep(0.2)
            return
        if answer.status_code == 201:
            self.ok |= {UUID(item["job"]["id"]) for item in answer.json()["items"]}
        else:
            assert answer.status_code in (503, 429), answer.text
            assert "retry-after" in answer.headers
            await asyncio.sleep(0.2)

    async def _over_kafka(self, payload: dict[str, Any]) -> None:
        ids = [new_id() for _ in range(20)]
        records = [{"id": str(job_id), "payload": payload, "max_retries": 20} for job_id in ids]
        try:
            async with asyncio.timeout(60):
                await self.space.produce(records)
        except (TimeoutError, OSError, KafkaError):
            self.unknown += 20
        else:
            self.ok |= set(ids)


class Watch:
    """Reads rows all the time and remembers the worst: a terminal state that changed (I2)."""

    def __init__(self, space: Space) -> None:
        self._space = space
        self._ended: dict[UUID, str] = {}
        self.broken: list[str] = []

    async def run(self) -> None:
        """Look four times a second, whenever the database answers."""
        while True:
            try:
                rows = await self._space.fetch("SELECT id, status FROM jobs")
            except Exception:
                await asyncio.sleep(0.25)
                continue
            for row in rows:
                before = self._ended.get(row["id"])
                if before is not None and row["status"] != before:
                    self.broken.append(f"{row['id']}: {before} became {row['status']}")
                if row["status"] in TERMINAL:
                    self._ended[row["id"]] = row["status"]
            await asyncio.sleep(0.25)


async def verdict(space: Space, load: Load, watch: Watch, *, killed_slots: int) -> None:
    """Wait for the system to heal and check the invariants.

    Args:
        killed_slots: how many runs may have been cut off: faults that killed workers, times their slots.
    """

    async def all_ended() -> bool:
        rows = await space.fetch("SELECT status, count(*) FROM jobs GROUP BY status")
        counts = {row["status"]: row["count"] for row in rows}
        assert set(counts) <= TERMINAL, counts
        present = {row["id"] for row in await space.fetch("SELECT id FROM jobs")}
        assert load.ok <= present, f"{len(load.ok - present)} acknowledged jobs are missing"
        return True

    await eventually(all_ended, timeout=HEAL_S, every=0.5, what="I1: every acknowledged job is terminal")
    rows = {row["id"]: row["status"] for row in await space.fetch("SELECT id, status FROM jobs")}
    assert all(rows[job_id] == "COMPLETED" for job_id in load.ok), Counter(rows.values())
    assert len(rows) <= len(load.ok) + load.unknown, "more jobs than calls"
    assert watch.broken == [], "I2: a terminal state changed"
    starts: defaultdict[str, int] = defaultdict(int)
    ends: defaultdict[str, int] = defaultdict(int)
    for run in space.runs():
        (starts if run["what"] == "start" else ends)[run["job_id"]] += 1
    assert set(ends) >= {str(job_id) for job_id, status in rows.items() if status == "COMPLETED"}, (
        "I3: an effect is missing"
    )
    extra = sum(starts.values()) - len(starts)
    assert extra <= killed_slots, f"I4: {extra} extra runs for {killed_slots} that may have been cut off"
    await eventually(lambda: drained(space), timeout=30, what="I6: the outbox is empty")


async def drained(space: Space) -> bool:
    """Nothing waits for Kafka, and no session sits in a transaction."""
    idle = await space.fetch(
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE state = 'idle in transaction' AND state_change < now() - interval '5 s'"
    )
    return await space.count("outbox") == 0 and idle[0][0] == 0
