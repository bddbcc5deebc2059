"""Jobs at their gates: rows with ``dispatch_at = 'infinity'``, and those that hold a permit."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from jobstream_api.domain.flow import Lane
from jobstream_api.domain.gates import Bucket, Waiting
from jobstream_api.domain.transitions import Cause, sources
from jobstream_api.infrastructure.database import Connection
from jobstream_api.repositories.held import Released, released
from jobstream_api.repositories.progress import Change
from jobstream_api.repositories.statements import statement

MOST_LANES = 100_000
_LOCK = 0x6A6F627374726561  # "jobstrea"
_LATE_AT_MOST = 10
"""A job that was handed back more often for being late gets a permit without end: clocks may differ too much."""


@dataclass(frozen=True, slots=True)
class Parked:
    """A job that waits, as far as its lane depends on it."""

    id: UUID
    type: str
    queue: str
    key: str | None
    payload: dict[str, object]
    lane: str | None


class Unused(NamedTuple):
    """A permit of a rate that nobody used.

    Attributes:
        interval_s: between permits of the bucket.
    """

    bucket: Bucket
    given_at: datetime
    interval_s: float


async def alone(connection: Connection) -> float | None:
    """The database's time, seconds since 1970, if nobody else lets jobs pass until the caller's transaction ends."""
    at: float | None = await connection.fetchval(
        "SELECT CASE WHEN pg_try_advisory_xact_lock($1) THEN extract(epoch FROM now())::float8 END", _LOCK
    )
    return at


async def waiting_lanes(connection: Connection, after: str) -> list[str]:
    """The lanes in which jobs wait at the gate, the first ones behind ``after``; no more than ``MOST_LANES``."""
    return [row["lane"] for row in await connection.fetch(statement("gates_lanes"), MOST_LANES, after)]


async def ordered_lanes(connection: Connection, after: str) -> list[str]:
    """The same of the lanes with strict order in which jobs are held, at the gate or for a time."""
    return [row["lane"] for row in await connection.fetch(statement("gates_ordered_lanes"), MOST_LANES, after)]


async def ordered_heads(connection: Connection, lanes: Sequence[str]) -> dict[str, tuple[Waiting, bool]]:
    """Of lanes with strict order: the earliest job that is held, and whether it is at the gate."""
    rows = await connection.fetch(statement("gates_ordered_heads"), lanes)
    return {lanes[row["place"] - 1]: (Waiting(row["id"], row["rank_at"], row["seq"]), row["at_gate"]) for row in rows}


async def permitted(connection: Connection) -> dict[str, int]:
    """How many jobs of each lane hold a permit."""
    rows = await connection.fetch(
        "SELECT lane, count(*) AS count FROM jobs WHERE lane IS NOT NULL AND dispatch_at IS NULL GROUP BY lane"
    )
    return {row["lane"]: row["count"] for row in rows}


async def waiting(connection: Connection, most: Mapping[str, int]) -> dict[str, list[Waiting]]:
    """The first jobs of lanes, in their order.

    Args:
        most: how many of each lane.
    """
    names = list(most)
    rows = await connection.fetch(statement("gates_waiting"), names, [most[name] for name in names])
    found: dict[str, list[Waiting]] = {}
    for row in rows:
        found.setdefault(names[row["place"] - 1], []).append(Waiting(row["id"], row["rank_at"], row["seq"]))
    return found


async def release(
    connection: Connection, permits: Mapping[UUID, float | None], lanes: Mapping[UUID, str]
) -> list[tuple[Released, Lane]]:
    """Take jobs to their next dispatch, in the caller's transaction, with permits.

    Args:
        permits: for how long each is good, seconds.
        lanes: in which each was seen.

    Returns:
        Those that wait there still and that no earlier job keeps back, in the order of ``permits``.
    """
    rows = await connection.fetch(
        statement("gates_release"),
        list(permits),
        list(permits.values()),
        [lanes[job_id] for job_id in permits],
        sources(Cause.DISPATCH),
        _LATE_AT_MOST,
    )
    return [
        (released(row, row["start_by"]), Lane.of_text(row["lane"])) for row in sorted(rows, key=lambda r: r["place"])
    ]


async def arrivals(connection: Connection, buckets: Sequence[Bucket]) -> dict[Bucket, float]:
    """Theoretical arrival times, seconds since 1970, of those of ``buckets`` that have one."""
    rows = await connection.fetch(
        "SELECT u.name, u.key, extract(epoch FROM u.tat)::float8 AS tat FROM limit_usage AS u "
        "JOIN unnest($1::text[], $2::text[]) AS b (name, key) ON u.name = b.name AND u.key = b.key",
        [name for name, _ in buckets],
        [key for _, key in buckets],
    )
    return {(row["name"], row["key"]): row["tat"] for row in rows}


async def spend(connection: Connection, now: float, seconds: Mapping[Bucket, float]) -> None:
    """Take permits that are handed out at ``now`` off their buckets.

    Args:
        now: seconds since 1970, the transaction's time.
        seconds: of each bucket, how much longer it takes to fill.
    """
    places = sorted(seconds)
    await connection.execute(
        statement("gates_spend"),
        [name for name, _ in places],
        [key for _, key in places],
        [seconds[place] for place in places],
        now,
    )


async def lower(connection: Connection, times: Mapping[Bucket, float]) -> None:
    """Let buckets have no later theoretical arrival time than this, seconds since 1970."""
    places = sorted(times)
    await connection.execute(
        "UPDATE limit_usage AS u SET tat = to_timestamp(t.tat) "
        "FROM unnest($1::text[], $2::text[], $3::float8[]) AS t (name, key, tat) "
        "WHERE u.name = t.name AND u.key = t.key AND u.tat > to_timestamp(t.tat)",
        [name for name, _ in places],
        [key for _, key in places],
        [times[place] for place in places],
    )


async def refund(connection: Connection, permits: Sequence[Unused]) -> None:
    """Give permits back that were not used."""
    change = refunding(permits)
    await connection.execute(statement(change.name), *change.arguments)


def refunding(permits: Sequence[Unused]) -> Change:
    """The same, to be done with others."""
    return Change(
        "gates_refund",
        [
            [permit.bucket[0] for permit in permits],
            [permit.bucket[1] for permit in permits],
            [permit.given_at for permit in permits],
            [permit.interval_s for permit in permits],
        ],
    )


async def earlier_of_key(connection: Connection, job_type: str, key: str, seq: int) -> UUID | None:
    """The earliest job of a type with strict order, and of a key, that came before ``seq`` and is not over."""
    found: UUID | None = await connection.fetchval(
        "SELECT id FROM jobs WHERE type = $1 AND key = $2 AND lane LIKE '!%' AND seq < $3 ORDER BY seq LIMIT 1",
        job_type,
        key,
        seq,
    )
    return found


async def parked(connection: Connection, types: Sequence[str], after: UUID | None, limit: int) -> list[Parked]:
    """Jobs that are held, by id.

    Args:
        types: only of these; ``*`` is all.
    """
    rows = await connection.fetch(
        "SELECT id, type, queue, key, payload, lane FROM jobs "
        "WHERE dispatch_at IS NOT NULL AND (type = ANY($1::text[]) OR '*' = ANY($1::text[])) "
        "AND ($2::uuid IS NULL OR id > $2) ORDER BY id LIMIT $3",
        types,
        after,
        limit,
    )
    return [Parked(**dict(row)) for row in rows]


async def relane(connection: Connection, lanes: Mapping[UUID, str | None]) -> None:
    """Put jobs that are held into the lanes where they belong."""
    ids = sorted(lanes)
    await connection.execute(statement("gates_relane"), ids, [lanes[job_id] for job_id in ids])


async def relaned(connection: Connection, version: int) -> None:
    """Note that every job that is held lies in its lane by the rules of ``version``."""
    await connection.execute("UPDATE flow SET relane = '{}' WHERE version = $1 AND relane <> '{}'", version)


async def slots(connection: Connection, seen_within_s: float) -> dict[str, int]:
    """Places for jobs in live workers, by topic that they read."""
    rows = await connection.fetch(
        "SELECT topic, sum(concurrency)::int AS slots FROM workers, jsonb_object_keys(partitions) AS topic "
        "WHERE stopped_at IS NULL AND last_seen_at > now() - make_interval(secs => $1) GROUP BY topic",
        seen_within_s,
    )
    return {row["topic"]: row["slots"] for row in rows}


async def served(connection: Connection, job_type: str, seen_within_s: float) -> bool:
    """True if a live worker has a handler for the type."""
    found: bool = await connection.fetchval(
        "SELECT EXISTS (SELECT 1 FROM workers WHERE stopped_at IS NULL "
        "AND last_seen_at > now() - make_interval(secs => $2) AND $1 = ANY(types))",
        job_type,
        seen_within_s,
    )
    return found


async def forget_usage(connection: Connection) -> None:
    """Delete arrival times that are past: a bucket without one is full."""
    await connection.execute("DELETE FROM limit_usage WHERE tat < now() - interval '1 minute'")
