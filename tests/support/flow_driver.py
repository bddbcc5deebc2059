"""Drives a system at random: submits, changes, cancels, kills. All of it is told to a model's history."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2

from jobstream.ids import new_id
from tests.support.flow_model import Asked, Change, History, Setting
from tests.support.space import Running, Space

PERIOD_S = 2.0
TENANTS = "abc"
WORKERS = 3
_PATIENCE_S = 30.0
_BETWEEN_S = 0.4
"""After a change no process is killed for so long: a record that dies with it is sent by a sweep, seconds later."""


class Driver:
    """Uses a system that has two apis, as many and as rough as ``rng`` wants it.

    Two types share the limit ``shared``; the jobs of a key are all submitted through one door, one after another.
    """

    def __init__(self, space: Space, rng: random.Random) -> None:
        self.history = History()
        self._space = space
        self._rng = rng
        self._apis: list[Running] = []
        self._workers: list[Running] = []
        self._client = httpx2.AsyncClient(timeout=10)
        self._until = 0.0
        self._count = 0
        self._changing = asyncio.Lock()

    async def begin(self) -> None:
        """Start the processes, set what holds in the beginning."""
        first, self._workers = await self._space.start_all(workers=WORKERS)
        self._apis = [first, await self._space.start_api()]
        await self._answered("PATCH", "/queues/low", {"mode": "managed"})
        await self.limit_rate(8, 3)
        await self.limit("few", 3, ["model.few"])
        await self.limit("shared", 5, ["model.few", "model.tenants"])
        await self.limit("each", 2, ["model.tenants"], key="$.tenant")

    async def close(self) -> None:
        """Let the connections go."""
        await self._client.aclose()

    async def drive(self, seconds: float) -> None:
        """Everything at once, for so long; at the end nothing is paused and every process is there."""
        self._until = time.time() + seconds
        keys = [f"http-{n}" for n in range(2)] + [f"record-{n}" for n in range(2)]
        async with asyncio.TaskGroup() as group:
            for _ in range(3):
                group.create_task(self._repeat(self._submit_any, 0.12))
            for key in keys:
                group.create_task(self._repeat(lambda key=key: self._submit_of(key), 0.4))
            group.create_task(self._repeat(self._cancel_any, 0.4))
            group.create_task(self._repeat(self._move_any, 0.4))
            group.create_task(self._operate())
            group.create_task(self._kill_all())
        for kind, which in list(self.history.paused):
            await self.pause(kind, which, False)

    async def _repeat(self, act: Callable[[], Awaitable[None]], rest_s: float) -> None:
        while time.time() < self._until:
            await act()
            await asyncio.sleep(self._rng.uniform(0.2, 1.8) * rest_s)

    # submits

    async def _submit_any(self) -> None:
        rng = self._rng
        short = rng.choice(("free", "rated", "few", "few", "tenants", "tenants"))
        tenant = rng.choice(TENANTS) if short == "tenants" else None
        key = rng.choice((None, None, "x", "y"))
        await self._submit(f"model.{short}", rng.choice((True, False)), key=key, tenant=tenant)

    async def _submit_of(self, key: str) -> None:
        await self._submit("model.strict", key.startswith("record"), key=key, queue="default")

    async def _submit(
        self, job_type: str, direct: bool, *, key: str | None, tenant: str | None = None, queue: str | None = None
    ) -> None:
        rng = self._rng
        self._count += 1
        queue = queue or rng.choice(("default", "default", "high", "low"))
        asked = Asked("", job_type, queue, self._count, key, tenant)
        body: dict[str, Any] = {
            "type": job_type,
            "payload": {
                "n": asked.n,
                "seconds": round(rng.choice((0.02, 0.2, 0.4)) * rng.uniform(0.5, 1.5), 3),
                "failures": rng.choice((0, 0, 0, 0, 1)),
                "tenant": tenant,
            },
            "priority": rng.randrange(10),
        }
        if key is not None:
            body["key"] = key
        if rng.random() < 0.25:
            due = datetime.now(UTC) + timedelta(seconds=rng.uniform(0.2, 3.0))
            body |= {"run_at": due.isoformat()} if direct or rng.random() < 0.5 else {"delay_s": rng.uniform(0.2, 3.0)}
        if rng.random() < 0.1:
            asked.start_within_s = body["start_within_s"] = rng.uniform(0.5, 4.0)
        await (self._write(asked, body) if direct else self._post(asked, body))

    async def _write(self, asked: Asked, body: dict[str, Any]) -> None:
        asked.id = str(new_id())
        self.history.jobs[asked.id] = asked
        key = (asked.key or asked.id).encode()
        sent = time.time()
        if "run_at" in body:
            asked.moves.append(Change(sent, sent, datetime.fromisoformat(body["run_at"]).timestamp()))
        await self._space.produce([{"id": asked.id, **body}], topic=self._space.topics.jobs(asked.queue), key=key)

    async def _post(self, asked: Asked, body: dict[str, Any]) -> None:
        # With the same key again until it is answered: whatever was killed meanwhile, it is one job.
        sent = time.time()
        headers = {"Idempotency-Key": str(new_id())}
        answer = await self._answered("POST", "/jobs", {"queue": asked.queue, **body}, headers)
        assert answer.status_code == 201, answer.text
        job = answer.json()
        asked.id = job["id"]
        self.history.jobs[asked.id] = asked
        if job["run_at"] is not None:
            asked.moves.append(Change(sent, sent, datetime.fromisoformat(job["run_at"]).timestamp()))

    # what happens to jobs later

    def _any_job(self) -> Asked | None:
        recent = list(self.history.jobs.values())[-40:]
        return self._rng.choice(recent) if recent else None

    async def _cancel_any(self) -> None:
        job = self._any_job()
        if job is None:
            return
        answer = await self._answered("POST", f"/jobs/{job.id}/cancel", {})
        if answer.status_code == 200 and job.cancelled_at is None:
            job.cancelled_at = time.time()
            assert answer.json()["status"] == "CANCELLED"
        assert answer.status_code in (200, 404, 409), answer.text

    async def _move_any(self) -> None:
        job = self._any_job()
        if job is None:
            return
        sent = time.time()
        due = datetime.now(UTC) + timedelta(seconds=self._rng.uniform(0.0, 3.0))
        tried: list[str] = []
        answer = await self._answered("PATCH", f"/jobs/{job.id}", {"run_at": due.isoformat()}, tried=tried)
        assert answer.status_code in (200, 404, 409), answer.text
        if len(tried) > 1:
            job.moves.append(Change(sent, time.time(), None))
        elif answer.status_code == 200 and answer.json()["status"] == "PENDING":
            job.moves.append(Change(sent, time.time(), due.timestamp()))

    # settings

    async def limit_rate(self, limit: int, burst: int) -> None:
        """Set the rate of its type."""
        fields = {"kind": "rate", "limit": limit, "burst": burst, "period_s": PERIOD_S, "types": ["model.rated"]}
        await self._set("rate", fields, (limit, burst))

    async def limit(self, name: str, limit: int, types: list[str], **fields: Any) -> None:
        """Set how many may run at once."""
        await self._set(name, {"kind": "concurrency", "limit": limit, "types": types, **fields}, limit)

    async def _set(self, name: str, fields: dict[str, Any], value: Any) -> None:
        await self._change(self.history.limits[name], value, "PUT", f"/limits/{name}", fields)

    async def pause(self, kind: str, which: str, paused: bool) -> None:
        """Pause a ``type`` or a ``queue``, or resume it."""
        path = {"type": "job-types", "queue": "queues"}[kind]
        what = "pause" if paused else "resume"
        await self._change(self.history.paused[kind, which], paused, "POST", f"/{path}/{which}/{what}", {})

    # the operator

    async def _operate(self) -> None:
        rng = self._rng
        plan = [self._change_limit] * 4
        plan += [lambda: self._pause_for_a_while("type", rng.choice(("model.few", "model.rated", "model.free")))] * 2
        plan += [lambda: self._pause_for_a_while("queue", rng.choice(("low", "high", "default")))] * 2
        while time.time() < self._until:
            rng.shuffle(plan)
            for act in plan:
                if time.time() < self._until:
                    await act()
                    await asyncio.sleep(rng.uniform(0.0, 0.5))

    async def _kill_all(self) -> None:
        """A worker and an api by turns; each api once at least, so the leader is among them."""
        while time.time() < self._until:
            for processes in (self._workers, self._apis):
                await self._kill(processes)
                await asyncio.sleep(self._rng.uniform(0.0, 0.5))

    async def _change_limit(self) -> None:
        rng = self._rng
        match rng.randrange(4):
            case 0:
                await self.limit_rate(rng.choice((4, 8, 16)), rng.choice((1, 3, 6)))
            case 1:
                await self.limit("few", rng.choice((1, 2, 4)), ["model.few"])
            case 2:
                await self.limit("shared", rng.choice((3, 5, 7)), ["model.few", "model.tenants"])
            case _:
                await self.limit("each", rng.choice((1, 2, 3)), ["model.tenants"], key="$.tenant")

    async def _pause_for_a_while(self, kind: str, which: str) -> None:
        await self.pause(kind, which, True)
        await asyncio.sleep(self._rng.uniform(2.5, 4.0))
        await self.pause(kind, which, False)

    async def _kill(self, processes: list[Running]) -> None:
        """Kill the one that has lived longest, and start another."""
        async with self._changing:
            victim = processes.pop(0)
            await victim.kill()
            self.history.killed[victim.pid] = time.time()
        start = self._space.start_api if processes is self._apis else self._space.start_worker
        processes.append(await start())

    async def _change(self, setting: Setting, value: Any, method: str, path: str, body: dict[str, Any]) -> None:
        """Change a setting, and let its api live until the workers can know of it."""
        async with self._changing:
            sent = time.time()
            answer = await self._answered(method, path, body)
            assert answer.status_code in (200, 201), answer.text
            setting.changes.append(Change(sent, time.time(), value))
            await asyncio.sleep(_BETWEEN_S)

    async def _answered(
        self,
        method: str,
        path: str,
        body: dict[str, Any],
        headers: dict[str, str] | None = None,
        tried: list[str] | None = None,
    ) -> httpx2.Response:
        """Ask any api, and another one while there is no answer; ``tried`` gets the address of each."""
        until = time.monotonic() + _PATIENCE_S
        while True:
            url = self._rng.choice(self._apis).url
            if tried is not None:
                tried.append(url)
            try:
                answer = await self._client.request(method, f"{url}{path}", json=body, headers=headers)
                if answer.status_code != 503:
                    return answer
            except httpx2.TransportError:
                pass
            assert time.monotonic() < until, f"{method} {path}: no answer in {_PATIENCE_S:g} s"
            await asyncio.sleep(0.1)
