"""What runs do to rows: leases, successes, and the other outcomes.

Every statement applies only where the row stands at the dispatch that the event speaks of and
knows less than the event; so a repeat, a late event and a zombie's report all change nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from jobstream.contracts.status import JobStatus
from jobstream_api.domain.decisions import Decision, Standing
from jobstream_api.domain.fold import Folded
from jobstream_api.domain.transitions import Cause, sources
from jobstream_api.infrastructure.database import Connection
from jobstream_api.infrastructure.partitions import bounds_of
from jobstream_api.repositories import gates, progress
from jobstream_api.repositories.progress import Advance, Change
from jobstream_api.repositories.statements import as_json, column, statement


@dataclass(frozen=True, slots=True)
class Settled:
    """An outcome other than success, decided.

    Attributes:
        error: the entry for errors[], or None.
        last_error: one line for people, or None to leave the last one.
        lane: where it waits from now on, if it had no lane.
        late: it came to a worker after its permit had ended.
    """

    row: Standing
    decision: Decision
    run_id: UUID | None = None
    worker: str | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    error: dict[str, Any] | None = None
    last_error: str | None = None
    lane: str | None = None
    late: bool = False


def standing(record: Any) -> Standing:
    """A row as the rules look at it; without what was not read of it."""
    return Standing(
        id=record["id"],
        type=record["type"],
        status=JobStatus(record["status"]),
        attempt=record["attempt"],
        dispatch=record["dispatch"],
        rank=record["rank"],
        max_retries=record["max_retries"],
        lane=record.get("lane"),
        permit_from=record.get("permit_from"),
    )


async def report(connection: Connection, entries: Sequence[Folded]) -> list[tuple[Folded, datetime]]:
    """Apply leases, heartbeats and successes.

    Returns:
        Those that changed their rows, each with the time of the row's dispatch.
    """
    entries = _in_order(entries)
    rows = await connection.fetch(statement("runs_report"), *_reporting(entries))
    return _reported(entries, rows)


async def report_and_advance(
    connection: Connection,
    entries: Sequence[Folded],
    consumer: str,
    steps: list[Advance],
    settled: Sequence[Settled] = (),
    unused: Sequence[gates.Unused] = (),
) -> list[tuple[Folded, datetime]] | None:
    """The same with the consumer's steps, as one transaction; None if any did not apply: then nothing did.

    Args:
        settled: other outcomes that are written too, if each row stands where it was seen.
        unused: permits that they give back.
    """
    entries = _in_order(entries)
    changes = []
    if entries:
        changes.append(Change("runs_report", _reporting(entries), len(entries)))
    if settled:
        changes.append(Change("runs_settle", _settling(settled), len(settled)))
    if unused:
        changes.append(gates.refunding(unused))
    rows = await progress.store_with(connection, consumer, steps, changes)
    if rows is None:
        return None
    return _reported(entries, rows) if entries else []


def _in_order(entries: Sequence[Folded]) -> list[Folded]:
    return sorted(entries, key=lambda entry: (entry.id.int, entry.attempt, entry.dispatch))


def _reporting(entries: Sequence[Folded]) -> list[Any]:
    latest = [entry.outcome or entry.heartbeat or entry.running for entry in entries]
    return [
        range(len(entries)),
        [entry.id for entry in entries],
        [entry.attempt for entry in entries],
        [entry.dispatch for entry in entries],
        # 0: a heartbeat alone renews a run that is known; it never begins one.
        [2 if entry.outcome else 1 if entry.running else 0 for entry in entries],
        [event.run_id for event in latest if event],
        [event.worker for event in latest if event],
        [entry.started_at(event) for entry, event in zip(entries, latest, strict=True) if event],
        [event.finished_at for event in latest if event],
        column(
            [None if entry.outcome else event.lease_s for entry, event in zip(entries, latest, strict=True) if event]
        ),
        column([event.progress for event in latest if event]),
        column([event.progress_text for event in latest if event]),
        [as_json(entry.outcome.result) if entry.outcome else None for entry in entries],
        sources(Cause.START),
        sources(Cause.COMPLETE),
        *bounds_of(entries[0].id, entries[-1].id),
    ]


def _reported(entries: Sequence[Folded], rows: Sequence[Any]) -> list[tuple[Folded, datetime]]:
    return [(entries[row["place"]], row["dispatched_at"]) for row in rows]


async def standings(connection: Connection, ids: Sequence[UUID]) -> dict[UUID, Standing]:
    """Read where rows stand."""
    return await _standings(connection, statement("runs_standings"), ids)


async def lock(connection: Connection, ids: Sequence[UUID]) -> dict[UUID, Standing]:
    """Lock rows in the order of their ids and read where they stand."""
    return await _standings(connection, f"{statement('runs_standings')}ORDER BY id\nFOR NO KEY UPDATE", ids)


async def _standings(connection: Connection, query: str, ids: Sequence[UUID]) -> dict[UUID, Standing]:
    in_order = sorted(ids)
    rows = await connection.fetch(query, in_order, *bounds_of(in_order[0], in_order[-1]))
    return {row["id"]: standing(row) for row in rows}


async def settle(connection: Connection, settled: Sequence[Settled]) -> None:
    """Write decided outcomes to rows that the caller has locked."""
    await connection.execute(statement("runs_settle"), *_settling(settled))


def _settling(settled: Sequence[Settled]) -> list[Any]:
    settled = sorted(settled, key=lambda entry: entry.row.id)  # as everybody locks rows
    return [
        [entry.row.id for entry in settled],
        [entry.decision.status.value for entry in settled],
        [entry.decision.hold_s for entry in settled],
        [entry.run_id for entry in settled],
        [entry.worker for entry in settled],
        [entry.started_at for entry in settled],
        [entry.finished_at if entry.decision.status.terminal else None for entry in settled],
        [entry.decision.status.terminal for entry in settled],
        [as_json(entry.error) for entry in settled],
        [entry.last_error for entry in settled],
        column([entry.lane for entry in settled]),
        [entry.late for entry in settled],
        [entry.row.status.value for entry in settled],
        [entry.row.attempt for entry in settled],
        [entry.row.dispatch for entry in settled],
        [entry.row.rank for entry in settled],
        *bounds_of(settled[0].row.id, settled[-1].row.id),
    ]


async def gated(connection: Connection, ids: Sequence[UUID]) -> list[Any]:
    """What the lanes of ``ids`` depend on."""
    return list(
        await connection.fetch("SELECT id, type, queue, key, payload FROM jobs WHERE id = ANY($1::uuid[])", list(ids))
    )


async def known(connection: Connection, ids: Sequence[UUID]) -> set[UUID]:
    """Those of ``ids`` that have a row."""
    rows = await connection.fetch("SELECT id FROM jobs WHERE id = ANY($1::uuid[])", list(ids))
    return {row["id"] for row in rows}
