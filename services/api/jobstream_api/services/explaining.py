"""Why a job has not started: one reason, the first that holds it up."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from jobstream.contracts.flow import LimitKind
from jobstream.contracts.status import JobStatus
from jobstream_api.domain.flow import FlowRules, Lane
from jobstream_api.domain.gates import Bucket, Cells
from jobstream_api.infrastructure.database import Connection
from jobstream_api.repositories import gates

Reason = dict[str, Any]

_PATIENCE = timedelta(seconds=2)
"""A job that Kafka took a moment ago is on its way; only later it is asked whether anybody can run it."""
_WORKER_SEEN_WITHIN_S = 30.0


def reason(code: str, detail: str, *, until: datetime | None = None, **more: Any) -> Reason:
    """As answers have it."""
    return {"reason": code, "detail": detail, "until": until, "limit": None, "key": None, "job_id": None, **more}


def plain_reason(row: Mapping[str, Any]) -> Reason | None:
    """What the row alone tells."""
    at = row.get("dispatch_at")
    if at is None or at.year >= datetime.max.year or JobStatus(row["status"]).terminal:
        return None
    if row["status"] == JobStatus.RETRYING:
        return reason("retry", "the next attempt waits for its backoff", until=at)
    return reason("schedule", "it is not due yet", until=at)


async def explain(connection: Connection, row: Mapping[str, Any], rules: FlowRules) -> Reason | None:
    """Why a job has not started; None if it has, or is just on its way.

    Args:
        row: with ``read_at``, the database's time.
    """
    if row["status"] not in (JobStatus.PENDING, JobStatus.RETRYING):
        return None
    plain = plain_reason(row)
    if plain is not None:
        return plain
    queue = rules.queues.get(row["queue"])
    if queue is not None and queue.paused:
        return reason("paused", f"the queue {row['queue']} is paused")
    if row["type"] in rules.paused:
        return reason("paused", f"the type {row['type']} is paused")
    if row["dispatch_at"] is not None and row["lane"] is not None:
        return await _at_gate(connection, row, Lane.of_text(row["lane"]), rules)
    return await _in_kafka(connection, row)


async def _at_gate(connection: Connection, row: Mapping[str, Any], lane: Lane, rules: FlowRules) -> Reason:
    if lane.order is not None:
        earlier = await gates.earlier_of_key(connection, row["type"], row["key"], row["seq"])
        if earlier is not None:
            return reason("order", f"the job {earlier} of its key is not over", job_id=str(earlier), key=row["key"])
    out = await gates.permitted(connection)
    now: datetime = row["read_at"]
    for name, key in lane.limits:
        limit = rules.limits.get(name)
        if limit is None:
            continue
        bucket: Bucket = (name, key)
        if limit.rule.kind is LimitKind.CONCURRENCY:
            running = sum(count for text, count in out.items() if bucket in Lane.of_text(text).limits)
            if running >= limit.rule.limit:
                detail = f"{running} of {limit.rule.limit} that may run at once do"
                return reason("concurrency_limit", detail, limit=name, key=key or None)
            continue
        cells = Cells.of(limit.rule)
        tat = (await gates.arrivals(connection, [bucket])).get(bucket)
        wait = 0.0 if tat is None else cells.wait_s(tat, now.timestamp())
        if wait > 0:
            detail = f"{limit.rule.limit} in {limit.rule.period_s:g} s may start"
            return reason("rate_limit", detail, until=now + timedelta(seconds=wait), limit=name, key=key or None)
    return reason("turn", "others go before it" if lane.queue in rules.managed_queues else "it is let go at any moment")


async def _in_kafka(connection: Connection, row: Mapping[str, Any]) -> Reason | None:
    since = row["dispatched_at"] or row["created_at"]
    if row["read_at"] - since < _PATIENCE:
        return None
    if not await gates.served(connection, row["type"], _WORKER_SEEN_WITHIN_S):
        return reason("no_worker", f"no live worker has a handler for the type {row['type']}")
    return reason("worker", "it is in Kafka, and waits for a worker with a free place")
