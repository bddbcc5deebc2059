"""Outcomes other than success: decided, and written into the row, its errors[], and the dead letters."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from jobstream.contracts.events import Deferral, EventKind, StatusEvent
from jobstream_api.domain.decisions import Decision, Standing, decide
from jobstream_api.domain.fold import Folded
from jobstream_api.repositories.dead_letters import DeadLetter
from jobstream_api.repositories.gates import Unused
from jobstream_api.repositories.runs import Settled
from jobstream_api.services import hand_backs
from jobstream_api.services.flow import Flow
from jobstream_api.services.policies import Policies

Lanes = Mapping[UUID, str | None]
"""Where jobs that had no lane wait from now on; None: we know of no gate."""


@dataclass(frozen=True, slots=True)
class Decided:
    """Outcomes that fit their rows, and what they give back.

    Attributes:
        entries: of them, with what is written of each.
        unused: permits.
    """

    entries: Sequence[tuple[Folded, Settled]]
    unused: Sequence[Unused]

    @property
    def settled(self) -> list[Settled]:
        """What is written."""
        return [settled for _, settled in self.entries]


class Outcomes:
    """Decides on outcomes other than success."""

    def __init__(self, policies: Policies, flow: Flow, rng: random.Random | None = None) -> None:
        self._policies = policies
        self._flow = flow
        self._rng = rng or random.Random()  # noqa: S311  (jitter, no secret)

    def decide(self, entries: Sequence[Folded], rows: Mapping[UUID, Standing], lanes: Lanes) -> Decided:
        """What becomes of the jobs of ``entries``, by their rows."""
        decided, unused = [], []
        for entry in entries:
            row, outcome = rows.get(entry.id), entry.outcome
            if row is None or outcome is None:
                continue
            decision = decide(row, outcome, self._policies.of(row), self._rng)
            if decision is None:
                continue
            lane = lanes.get(row.id)
            if row.id in lanes and lane is None:
                decision = replace(decision, hold_s=hand_backs.ASK_AGAIN_S)
            if outcome.reason in (Deferral.LATE, Deferral.GATED):
                unused.append(row)
            decided.append((entry, _settled(row, decision, entry, outcome, lane)))
        return Decided(decided, hand_backs.unused(self._flow.rules, unused))


def is_other(entry: Folded) -> bool:
    """True if the run ended, and not well."""
    return entry.outcome is not None and entry.outcome.event is not EventKind.COMPLETED


def laneless(entries: Sequence[Folded], rows: Mapping[UUID, Standing]) -> list[UUID]:
    """Jobs that were handed back for want of a permit and have no lane yet."""
    return [
        entry.id
        for entry in entries
        if entry.outcome is not None
        and entry.outcome.reason is Deferral.GATED
        and entry.id in rows
        and rows[entry.id].lane is None
    ]


def _settled(row: Standing, decision: Decision, entry: Folded, outcome: StatusEvent, lane: str | None) -> Settled:
    error, line = None, None
    if outcome.error is not None:
        error = error_entry(
            row.attempt,
            code=outcome.error.code,
            kind=outcome.error.type,
            message=outcome.error.message,
            at=(outcome.finished_at or outcome.at).isoformat(),
            worker=outcome.worker,
            run_id=outcome.run_id,
            traceback=outcome.error.traceback,
        )
        line = f"{outcome.error.type}: {outcome.error.message}" if outcome.error.type else outcome.error.message
    return Settled(
        row=row,
        decision=decision,
        run_id=outcome.run_id,
        worker=outcome.worker,
        started_at=entry.started_at(outcome),
        finished_at=outcome.finished_at,
        error=error,
        last_error=line,
        lane=lane,
        late=outcome.reason in (Deferral.LATE, Deferral.STALE),
    )


def error_entry(
    attempt: int,
    *,
    code: str,
    kind: str,
    message: str,
    at: str | None,
    worker: str | None,
    run_id: UUID | None,
    traceback: str | None = None,
) -> dict[str, Any]:
    """One element of a job's errors[]."""
    return {
        "attempt": attempt,
        "at": at,
        "code": code,
        "type": kind,
        "message": message,
        "worker": worker,
        "run_id": None if run_id is None else str(run_id),
        "traceback": traceback,
    }


def is_parked(entry: Folded) -> bool:
    """True if the worker does not know the job's type: it is FAILED, and kept to be redriven."""
    outcome = entry.outcome
    if outcome is None or outcome.error is None:
        return False
    return outcome.error.code == "unknown_type" and outcome.origin is not None


def parked(entry: Folded) -> DeadLetter:
    """How such a job is kept."""
    outcome = entry.outcome
    assert outcome is not None
    assert outcome.origin is not None
    assert outcome.error is not None
    return DeadLetter(
        topic=outcome.origin.topic,
        partition=outcome.origin.partition,
        offset=outcome.origin.offset,
        reason=outcome.error.code,
        field="/type",
        detail=outcome.error.message,
        key=(outcome.key or str(outcome.id)).encode(),
        value=None if outcome.job is None else outcome.job.to_json(),
        headers=[],
        record_at=outcome.at,
        job_id=outcome.id,
    )
