"""Submitting jobs: singles that arrive together share a commit, a batch has one of its own.

With an Idempotency-Key the first use makes the jobs, and every later use with the same body gets
the first answer again, rebuilt from what never changes in the rows.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from jobstream.contracts.status import JobStatus
from jobstream.errors import InvalidInput
from jobstream_api.domain.errors import IdempotencyMismatch, Overloaded, ReplayGone, StoreUnavailable
from jobstream_api.infrastructure.database import Database, is_transient
from jobstream_api.repositories import idempotency, jobs_read
from jobstream_api.repositories.idempotency import Claim, Remembered
from jobstream_api.repositories.submits import Draft, Stored
from jobstream_api.services.backlog_caps import BacklogCaps
from jobstream_api.services.groups import GroupCommit
from jobstream_api.services.placing import Order, Placed, Placer

Row = Mapping[str, Any]
"""A job's columns by name."""
Verdict = Row | InvalidInput

SINGLE, BATCH = "submit", "batch"
_WAITING = 10_000
WAITING_BYTES = 128 * 1024 * 1024
"""Most submits, and bytes of their payloads, that may wait for the database; more are told to come again."""

_FRESH: dict[str, Any] = {
    "status": JobStatus.PENDING.value,
    "attempt": 1,
    "result": None,
    "last_error": None,
    "errors": [],
    "progress": None,
    "progress_text": None,
    "started_at": None,
    "finished_at": None,
    "worker": None,
}
"""What a job is before anything happened to it."""


@dataclass(frozen=True, slots=True)
class Key:
    """An Idempotency-Key as it was used: with which document."""

    key: str
    request_hash: bytes

    @classmethod
    def of(cls, key: str, document: Any) -> "Key":
        """Documents that differ in spacing or in the order of members are the same."""
        return cls(key, hashlib.sha256(orjson.dumps(document, option=orjson.OPT_SORT_KEYS)).digest())


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a submit: one verdict per job asked for, in order.

    Attributes:
        replayed: these are the verdicts of an earlier request with the same key.
        key_expires_at: until when the key is remembered, known at a replay.
    """

    verdicts: Sequence[Verdict]
    replayed: bool = False
    key_expires_at: datetime | None = None


class Submitter:
    """Takes drafts and answers once they are committed."""

    def __init__(self, database: Database, placer: Placer, caps: BacklogCaps, *, group: int) -> None:
        self._database = database
        self._placer = placer
        self._caps = caps
        self._waiting_bytes = 0
        self.group: GroupCommit[Order, Placed] = GroupCommit(placer.place, most=group, waiting=_WAITING)

    async def submit(self, draft: Draft, key: Key | None) -> Answer:
        """Store one job.

        Raises:
            IdempotencyMismatch, ReplayGone: about the key.
            Overloaded, StoreUnavailable: try again later.
            InvalidInput: the database refuses it.
        """
        claim = None if key is None else Claim(SINGLE, key.key, key.request_hash, (draft.id,))
        size = len(draft.payload_json)
        if self._waiting_bytes + size > WAITING_BYTES:
            raise Overloaded(len(self.group))
        if draft.lane is not None:
            refused = await self._caps.refuse([draft])
            if refused:
                raise refused[draft.id]
        self._waiting_bytes += size
        try:
            placed = await self.group.add(Order([draft], claim))
        finally:
            self._waiting_bytes -= size
        if claim is not None and not placed.first:
            return await self._replay(claim)
        if draft.id in placed.refused:
            raise placed.refused[draft.id]
        return Answer([fresh(draft, placed.stored[draft.id])])

    async def submit_batch(self, items: Sequence[Draft | InvalidInput], key: Key | None) -> Answer:
        """Store all drafts of a batch in one transaction; what is refused already keeps its place.

        Raises:
            As ``submit``, but for InvalidInput: that is a verdict here.
        """
        refused = await self._caps.refuse([item for item in items if not isinstance(item, InvalidInput)])
        items = [item if isinstance(item, InvalidInput) else refused.get(item.id, item) for item in items]
        drafts = [item for item in items if not isinstance(item, InvalidInput)]
        if not drafts:
            return Answer([item for item in items if isinstance(item, InvalidInput)])
        claim = None if key is None else Claim(BATCH, key.key, key.request_hash, _ids(drafts), _refusals(items))
        [placed] = await self._placer.place([Order(drafts, claim)])
        if isinstance(placed, Exception):
            raise placed
        if claim is not None and not placed.first:
            return await self._replay(claim)
        return Answer(
            [
                item
                if isinstance(item, InvalidInput)
                else placed.refused.get(item.id) or fresh(item, placed.stored[item.id])
                for item in items
            ]
        )

    async def close(self, deadline_s: float) -> None:
        """Let commits that are under way end."""
        await self.group.close(deadline_s)

    async def _replay(self, claim: Claim) -> Answer:
        try:
            async with self._database.connection() as connection:
                first = await idempotency.recall(connection, claim.scope, claim.key)
                rows = {} if first is None else await jobs_read.many(connection, first.job_ids)
        except Exception as error:
            if not is_transient(error):
                raise
            raise StoreUnavailable from error
        if first is None:
            raise StoreUnavailable("the Idempotency-Key expired just now; try again")
        if first.request_hash != claim.request_hash:
            raise IdempotencyMismatch
        return Answer(_first_verdicts(first, rows), replayed=True, key_expires_at=first.expires_at)


def fresh(draft: Draft, stored: Stored) -> Row:
    """The row of a job that was just stored."""
    fields = draft.fields
    return _FRESH | {
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


def _ids(drafts: Sequence[Draft]) -> tuple[UUID, ...]:
    return tuple(draft.id for draft in drafts)


def _refusals(items: Sequence[Draft | InvalidInput]) -> dict[str, Any]:
    return {
        str(place): [item.code, item.field, item.detail]
        for place, item in enumerate(items)
        if isinstance(item, InvalidInput)
    }


def _first_verdicts(first: Remembered, rows: Mapping[UUID, Row]) -> list[Verdict]:
    if not all(job_id in rows for job_id in first.job_ids):
        raise ReplayGone
    refusals = {int(place): InvalidInput(*refusal) for place, refusal in (first.refusals or {}).items()}
    made = iter(first.job_ids)
    return [
        refusals[place] if place in refusals else dict(rows[next(made)]) | _FRESH
        for place in range(len(refusals) + len(first.job_ids))
    ]
