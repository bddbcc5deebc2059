"""What an Idempotency-Key remembers of the first answer, and that answer made anew."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID

import orjson

from jobstream.contracts.status import JobStatus
from jobstream.errors import InvalidInput
from jobstream_api.domain.errors import NotUnique, ReplayGone
from jobstream_api.repositories.idempotency import Claim, Remembered
from jobstream_api.repositories.submits import Draft, Stored
from jobstream_api.services.uniqueness import Rival, Row

FRESH: dict[str, Any] = {
    "status": JobStatus.PENDING.value,
    "attempt": 1,
    "result": None,
    "result_expired": False,
    "last_error": None,
    "errors": [],
    "progress": None,
    "progress_text": None,
    "started_at": None,
    "finished_at": None,
    "worker": None,
}
"""What a job is before anything happened to it."""
_TIMES = ("run_at", "dispatch_at", "start_before", "started_at", "finished_at")
_CHANGING = tuple(dict.fromkeys((*FRESH, *_TIMES, "payload", "priority", "max_retries")))


def fresh(draft: Draft, stored: Stored) -> Row:
    """The row of a job that was just stored."""
    fields = draft.fields
    return FRESH | {
        "id": draft.id,
        "type": draft.type,
        "queue": draft.queue,
        "key": fields.key,
        "payload": orjson.Fragment(draft.payload_json),
        "tags": fields.tags,
        "max_retries": fields.max_retries,
        "timeout_s": fields.timeout_s,
        "priority": fields.priority,
        "run_at": stored.run_at,
        "dispatch_at": stored.run_at if stored.held else None,
        "start_before": fields.start_before(max(stored.run_at or stored.created_at, stored.created_at)),
        "created_at": stored.created_at,
    }


@dataclass(frozen=True, slots=True)
class Existing:
    """A job that was there before, as the answer.

    Attributes:
        replaced: it took the payload of the submit over.
    """

    row: Row
    replaced: bool = False


Verdict = Row | Existing | InvalidInput | NotUnique
Refusal = InvalidInput | NotUnique
"""The verdicts on what made no job."""


def verdict_of(rival: Rival) -> Existing | NotUnique:
    """What a submit is told that met another job."""
    if rival.row is None:
        return NotUnique.because(rival.job_id, rival.status, rival.why)
    return Existing(rival.row, rival.replaced)


def refusal(error: Refusal) -> list[str]:
    """A refusal as a claim keeps it."""
    if isinstance(error, NotUnique):
        return ["not_unique", "", error.detail, str(error.job_id)]
    return [error.code, error.field, error.detail]


def remembered(
    claim: Claim, drafts: Sequence[Draft], refused: Mapping[UUID, InvalidInput], met: Mapping[UUID, Rival]
) -> Claim | None:
    """A claim as it is to be kept, now that it is known what became of its drafts; None: forget it, it made nothing."""
    ids: list[UUID] = []
    others = dict(claim.refusals or {})
    places = (place for place in count() if str(place) not in (claim.refusals or {}))
    made = False
    for place, draft in zip(places, drafts, strict=False):
        if draft.id in refused:
            others[str(place)] = refusal(refused[draft.id])
            continue
        verdict = verdict_of(met[draft.id]) if draft.id in met else None
        if isinstance(verdict, NotUnique):
            others[str(place)] = refusal(verdict)
            continue
        made = True
        if verdict is None:
            ids.append(draft.id)
        else:
            others[str(place)] = {"job": _as_it_was(verdict.row), "replaced": verdict.replaced}
    return replace(claim, job_ids=tuple(ids), refusals=others or None) if made else None


def first_verdicts(first: Remembered, rows: Mapping[UUID, Row], items: Sequence[Draft | InvalidInput]) -> list[Verdict]:
    """The verdicts of the first use of a key.

    Args:
        rows: of ``jobs_in(first)``.
        items: what the repeat asks for, which is what the first use asked for.

    Raises:
        ReplayGone: a job of it is not there any more.
    """
    if not all(job_id in rows for job_id in jobs_in(first)):
        raise ReplayGone
    others = first.refusals or {}
    made = iter(first.job_ids)
    return [
        _other(others[str(place)], rows) if str(place) in others else _as_first(rows[next(made)], item)
        for place, item in enumerate(items)
    ]


def jobs_in(first: Remembered) -> list[UUID]:
    """The jobs that an answer showed."""
    others = (first.refusals or {}).values()
    return [*first.job_ids, *(UUID(other["job"]["id"]) for other in others if isinstance(other, dict))]


def _as_first(row: Row, item: Draft | InvalidInput) -> Row:
    """A job as it was when it was stored: what may have changed since is in the request, which is the same."""
    if isinstance(item, InvalidInput):  # its type may ask for something else by now
        return dict(row) | FRESH
    fields, created_at = item.fields, row["created_at"]
    due = fields.run_at if fields.delay_s is None else created_at + timedelta(seconds=fields.delay_s)
    stored = Stored(created_at, due, due is not None and due > created_at)
    first = dict(fresh(item._replace(id=row["id"]), stored))
    if row["payload"] == fields.payload:
        first["payload"] = row["payload"]
    return first


def _other(kept: Any, rows: Mapping[UUID, Row]) -> Verdict:
    if isinstance(kept, dict):
        job = kept["job"]
        job_id = UUID(job["id"])
        kept_times = {name: datetime.fromisoformat(job[name]) for name in _TIMES if job[name] is not None}
        return Existing(dict(rows[job_id]) | job | kept_times | {"id": job_id}, kept["replaced"])
    code, field, detail, *job_id = kept
    return NotUnique(UUID(job_id[0]), detail) if job_id else InvalidInput(code, field, detail)


def _as_it_was(row: Row) -> Any:
    """What may change of a job, as JSON shows it."""
    kept = {"id": str(row["id"]), **{name: row[name] for name in _CHANGING}}
    return orjson.loads(orjson.dumps(kept))
