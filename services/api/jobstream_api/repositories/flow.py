"""What decides on gates: limits, queues, types; and its version."""

from dataclasses import dataclass
from typing import Any

from jobstream.contracts.flow import Limit
from jobstream_api.domain.flow import FlowRules, QueueRules, effective_limits
from jobstream_api.infrastructure.database import Connection


@dataclass(frozen=True, slots=True)
class QueueDefaults:
    """What settings say of queues, where no operator has said anything.

    Attributes:
        names: all configured queues.
        managed: those that are managed.
        priority_step_s: what a step of priority is worth: who has waited so much longer goes first all the same.
    """

    names: tuple[str, ...]
    managed: frozenset[str]
    priority_step_s: float


async def load(connection: Connection, defaults: QueueDefaults) -> FlowRules:
    """The rules as they are stored; inside a transaction, at one moment."""
    version: int = await connection.fetchval("SELECT version FROM flow")
    types = await connection.fetch(
        "SELECT type, limits, strict_order, paused FROM job_types WHERE limits <> '[]' OR strict_order OR paused"
    )
    overrides = {row["name"]: (limit_of(row), row["types"]) for row in await connection.fetch("SELECT * FROM limits")}
    stored = {row["name"]: row for row in await connection.fetch("SELECT * FROM queues")}
    return FlowRules(
        version=version,
        limits=effective_limits(
            {row["type"]: [Limit.read(each) for each in row["limits"]] for row in types}, overrides
        ),
        strict=frozenset(row["type"] for row in types if row["strict_order"]),
        paused=frozenset(row["type"] for row in types if row["paused"]),
        queues={name: _queue(name, stored.get(name), defaults) for name in defaults.names},
    )


async def keep_priority_step(connection: Connection, step_s: float) -> None:
    """Rank jobs by a step of ``step_s`` from now on, in every process."""
    await connection.execute("UPDATE flow SET priority_step_s = $1 WHERE priority_step_s <> $1", step_s)


async def keep(connection: Connection) -> int:
    """The version of the rules, which stay as they are until the caller's transaction ends."""
    version: int = await connection.fetchval("SELECT version FROM flow FOR SHARE")
    return version


async def bump(connection: Connection, relane: list[str]) -> int:
    """Note in the caller's transaction that the rules change; returns the new version.

    Changes wait for one another here, so that versions are in the order of commits.

    Args:
        relane: types whose waiting jobs may belong in other lanes now; ``*`` for all.
    """
    version: int = await connection.fetchval(
        "UPDATE flow SET version = version + 1, "
        "relane = ARRAY(SELECT DISTINCT unnest(relane || $1::text[])) RETURNING version",
        relane,
    )
    return version


async def ask_relane(connection: Connection, types: list[str]) -> None:
    """Note that waiting jobs of ``types`` lie in wrong lanes, though the rules have not changed."""
    await connection.execute("UPDATE flow SET relane = ARRAY(SELECT DISTINCT unnest(relane || $1::text[]))", types)


def limit_of(row: Any) -> Limit:
    """A row of the limits table."""
    return Limit(
        name=row["name"],
        kind=row["kind"],
        limit=row["limit"],
        period_s=row["period_s"],
        burst=row["burst"],
        key=row["key"],
        max_waiting=row["max_waiting"],
    )


def _queue(name: str, row: Any | None, defaults: QueueDefaults) -> QueueRules:
    managed = name in defaults.managed
    if row is None:
        return QueueRules(managed=managed)
    return QueueRules(
        managed=managed if row["managed"] is None else row["managed"],
        paused=row["paused"],
        fair_by=row["fair_by"],
        weights=row["weights"],
    )
