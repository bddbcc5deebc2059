"""Settings of limits, queues and types as operators make them, in a transaction that the caller has."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from jobstream.contracts.control import GATES_KEY
from jobstream.contracts.flow import Limit
from jobstream.contracts.headers import cloud_event
from jobstream.contracts.topics import Topics
from jobstream_api.domain.flow import EffectiveLimit, FlowRules, effective_limits
from jobstream_api.domain.flow_changes import gates
from jobstream_api.infrastructure.database import Connection
from jobstream_api.repositories.outbox import OutboxRow

GATES_CHANGED = "gates.changed.v1"


async def lock(connection: Connection) -> None:
    """Let nobody else change the rules until the transaction ends."""
    await connection.execute("SELECT FROM flow FOR UPDATE")


async def gates_row(connection: Connection, row_id: UUID, rules: FlowRules, topics: Topics) -> OutboxRow:
    """The outbox row whose record tells the workers of ``rules``."""
    at = await connection.fetchval("SELECT now()")
    headers = cloud_event(GATES_CHANGED, str(row_id), "/jobstream/api", at, GATES_KEY.decode())
    return OutboxRow(row_id, None, topics.control, GATES_KEY, headers, gates(rules, at).to_json(), at)


async def declared_limit(connection: Connection, name: str) -> EffectiveLimit | None:
    """A limit as handlers declare it, whatever operators have set."""
    rows = await connection.fetch("SELECT type, limits FROM job_types WHERE limits <> '[]'")
    declared = {row["type"]: [Limit.read(limit) for limit in row["limits"]] for row in rows}
    return effective_limits(declared, {}).get(name)


async def put_limit(connection: Connection, name: str, rule: Limit, types: Sequence[str]) -> None:
    """Set a limit, whatever was set before.

    Args:
        types: limited besides those whose handlers name it.
    """
    await connection.execute(
        'INSERT INTO limits (name, kind, "limit", period_s, burst, key, max_waiting, types) '
        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8) "
        'ON CONFLICT (name) DO UPDATE SET kind = excluded.kind, "limit" = excluded."limit", '
        "period_s = excluded.period_s, burst = excluded.burst, key = excluded.key, "
        "max_waiting = excluded.max_waiting, types = excluded.types, updated_at = now()",
        name,
        rule.kind.value,
        rule.limit,
        rule.period_s,
        rule.burst,
        rule.key,
        rule.max_waiting,
        list(types),
    )


async def delete_limit(connection: Connection, name: str) -> bool:
    """Forget what was set of a limit; False if nothing was."""
    found = await connection.fetchval("DELETE FROM limits WHERE name = $1 RETURNING name", name)
    return found is not None


async def change_queue(connection: Connection, name: str, changes: Mapping[str, Any]) -> None:
    """Change columns of a queue: ``managed``, ``paused``, ``fair_by``, ``weights``; the others stay."""
    await connection.execute("INSERT INTO queues (name) VALUES ($1) ON CONFLICT (name) DO NOTHING", name)
    await connection.execute(
        "UPDATE queues SET managed = CASE WHEN 'managed' = ANY($2::text[]) THEN $3 ELSE managed END, "
        "paused = CASE WHEN 'paused' = ANY($2::text[]) THEN $4 ELSE paused END, "
        "fair_by = CASE WHEN 'fair_by' = ANY($2::text[]) THEN $5 ELSE fair_by END, "
        "weights = CASE WHEN 'weights' = ANY($2::text[]) THEN $6::jsonb ELSE weights END, "
        "updated_at = now() WHERE name = $1",
        name,
        list(changes),
        changes.get("managed"),
        changes.get("paused", False),
        changes.get("fair_by"),
        changes.get("weights", {}),
    )


async def pause_type(connection: Connection, job_type: str, paused: bool) -> bool:
    """Pause a type or resume it; False if nobody has announced it."""
    found = await connection.fetchval(
        "UPDATE job_types SET paused = $2 WHERE type = $1 RETURNING type", job_type, paused
    )
    return found is not None
