"""The loads: one job a request, batches, records, and a steady low rate."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson

from jobstream.cli.bench.ended import RESULT
from jobstream.cli.bench.loops import closed, paced
from jobstream.cli.bench.series import Series
from jobstream.cli.bench.wire import Answer, Target, Wire
from jobstream.client import KafkaClient
from jobstream.errors import JobstreamError
from jobstream.ids import new_id

PAYLOAD = {"task": "example", "value": 42}
JOB = orjson.dumps({"payload": PAYLOAD})
BATCH = 500
BATCH_CONNECTIONS = 2
STEADY_RATE = 50
WAIT_S = 30

Advance = Callable[[int], None]
"""Told of so many jobs more."""


class Refused(JobstreamError):
    """The api did not take a job. The message has its answer."""


async def singles(target: Target, series: Series, connections: int, advance: Advance) -> datetime:
    """One job a request, over so many connections; returns when the first was created."""

    async def submit(wire: Wire) -> list[dict[str, Any]]:
        began = time.perf_counter()
        document = taken(await wire.request("POST", "/jobs", JOB))
        series.latencies.append(time.perf_counter() - began)
        return [document]

    return await _closed(target, series, connections, series.planned, submit, advance)


async def batches(target: Target, series: Series, advance: Advance) -> datetime:
    """Batches of 500, two at once; the series is a multiple of that. Returns when the first job was created."""
    body = orjson.dumps({"jobs": [{"payload": PAYLOAD}] * BATCH})

    async def submit(wire: Wire) -> list[dict[str, Any]]:
        document = taken(await wire.request("POST", "/jobs/batch", body))
        return [item["job"] for item in document["items"]]

    return await _closed(target, series, BATCH_CONNECTIONS, series.planned // BATCH, submit, advance)


async def _closed(
    target: Target,
    series: Series,
    connections: int,
    requests: int,
    submit: Callable[[Wire], Awaitable[list[dict[str, Any]]]],
    advance: Advance,
) -> datetime:
    """All requests of the series; returns when the first job was created."""
    created: list[datetime] = []

    async def one(wire: Wire) -> None:
        jobs = await submit(wire)
        if not created:
            created.append(datetime.fromisoformat(jobs[0]["created_at"]))
        series.ids.update(UUID(job["id"]) for job in jobs)
        advance(len(jobs))

    await closed(target, one, requests=requests, connections=connections)
    return created[0]


async def records(kafka: KafkaClient, series: Series, advance: Advance) -> datetime:
    """Records straight to the topic; returns when the first was written, by this machine's clock."""
    began = datetime.now(UTC)
    while len(series.ids) < series.planned:
        chosen = [new_id() for _ in range(min(BATCH, series.planned - len(series.ids)))]
        await asyncio.gather(*(kafka.publish(PAYLOAD, job_id=job_id) for job_id in chosen))
        series.ids.update(chosen)
        advance(len(chosen))
    return began


async def steady(target: Target, series: Series, advance: Advance) -> None:
    """50 jobs a second, each waited for; a latency counts from the moment its submit was due."""

    async def one(wire: Wire) -> None:
        job_id = taken(await wire.request("POST", "/jobs", JOB))["id"]
        series.ids.add(UUID(job_id))
        job = orjson.loads((await wire.request("GET", f"/jobs/{job_id}?wait={WAIT_S}")).body)
        series.ended[job["status"]] += 1
        series.wrong += job["status"] == "COMPLETED" and job["result"] != RESULT
        advance(1)

    began = time.perf_counter()
    series.latencies = await paced(target, one, rate=STEADY_RATE, until=lambda sent: sent >= series.planned)
    series.taken_s = time.perf_counter() - began


def taken(answer: Answer) -> dict[str, Any]:
    """The document of an answer to a submit.

    Raises:
        Refused: it is none of success.
    """
    if answer.status != 201:
        text = answer.body[:300].decode(errors="replace")
        raise Refused(f"the api answered {answer.status}: {text}")
    document: dict[str, Any] = orjson.loads(answer.body)
    return document
