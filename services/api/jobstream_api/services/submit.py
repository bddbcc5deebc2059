"""Submitting jobs: singles that arrive together share a commit, a batch has one of its own.

With an Idempotency-Key the first use makes the jobs, and every later use with the same body gets
the first answer again, rebuilt from what never changes in the rows.
"""

import asyncio
import hashlib
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from jobstream.errors import InvalidInput
from jobstream_api.domain.errors import IdempotencyInFlight, IdempotencyMismatch, Overloaded, StoreUnavailable
from jobstream_api.infrastructure.database import Database, is_transient
from jobstream_api.repositories import idempotency, jobs_read
from jobstream_api.repositories.idempotency import Claim
from jobstream_api.repositories.submits import Draft
from jobstream_api.services.backlog_caps import BacklogCaps
from jobstream_api.services.groups import GroupCommit
from jobstream_api.services.placing import PATIENCE_S, Order, Placed, Placer
from jobstream_api.services.remembering import Verdict, first_verdicts, fresh, jobs_in, refusal, verdict_of

SINGLE, BATCH = "submit", "batch"
_WAITING = 10_000
WAITING_BYTES = 128 * 1024 * 1024
"""Most submits, and bytes of their payloads, that may wait for the database; more are told to come again."""


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
        key_expires_at: until when the key is remembered, if there is one.
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
        self._keys: dict[tuple[str, str], asyncio.Event] = {}
        self.group: GroupCommit[Order, Placed] = GroupCommit(placer.place, most=group, waiting=_WAITING)

    def submit(self, draft: Draft, key: Key | None) -> Coroutine[Any, Any, Answer]:
        """Store one job.

        Raises:
            IdempotencyMismatch, IdempotencyInFlight, ReplayGone: about the key.
            Overloaded, StoreUnavailable: try again later.
            InvalidInput: the database refuses it.
        """
        # No coroutine around the usual one: it would be passed through at every step of thousands a second.
        return self._submit(draft, None) if key is None else self._submit_once(draft, key)

    async def _submit_once(self, draft: Draft, key: Key) -> Answer:
        claim = Claim(SINGLE, key.key, key.request_hash, (draft.id,))
        done = await self._after_the_first(claim)
        try:
            return await self._submit(draft, claim)
        finally:
            self._end(claim, done)

    async def _submit(self, draft: Draft, claim: Claim | None) -> Answer:
        size = len(draft.payload_json)
        if self._waiting_bytes + size > WAITING_BYTES:
            raise Overloaded(len(self.group))
        judged = draft.unique is not None or (draft.lane is not None and self._caps.concern([draft]))
        self._waiting_bytes += size
        try:
            placed = await self.group.add(Order([draft], claim, judged))
        finally:
            self._waiting_bytes -= size
        if claim is not None and not placed.first:
            return await self._replay(claim, [draft])
        if draft.id in placed.refused:
            raise placed.refused[draft.id]
        if draft.id in placed.met:
            return Answer([verdict_of(placed.met[draft.id])], key_expires_at=placed.key_expires_at)
        return Answer([fresh(draft, placed.stored[draft.id])], key_expires_at=placed.key_expires_at)

    async def submit_batch(self, items: Sequence[Draft | InvalidInput], key: Key | None) -> Answer:
        """Store all drafts of a batch in one transaction; what is refused already keeps its place.

        Raises:
            As ``submit``, but for InvalidInput: that is a verdict here.
        """
        drafts = [item for item in items if not isinstance(item, InvalidInput)]
        if not drafts:
            return Answer([item for item in items if isinstance(item, InvalidInput)])
        if key is None:
            return await self._submit_batch(items, drafts, None)
        claim = Claim(BATCH, key.key, key.request_hash, _ids(drafts), _refusals(items))
        done = await self._after_the_first(claim)
        try:
            return await self._submit_batch(items, drafts, claim)
        finally:
            self._end(claim, done)

    async def _submit_batch(
        self, items: Sequence[Draft | InvalidInput], drafts: Sequence[Draft], claim: Claim | None
    ) -> Answer:
        judged = any(draft.unique is not None for draft in drafts) or self._caps.concern(drafts)
        [placed] = await self._placer.place([Order(drafts, claim, judged)])
        if isinstance(placed, Exception):
            raise placed
        if claim is not None and not placed.first:
            return await self._replay(claim, items)
        verdicts = [item if isinstance(item, InvalidInput) else _verdict(item, placed) for item in items]
        return Answer(verdicts, key_expires_at=placed.key_expires_at)

    async def close(self, deadline_s: float) -> None:
        """Let commits that are under way end."""
        await self.group.close(deadline_s)

    async def _after_the_first(self, claim: Claim) -> asyncio.Event:
        """Wait while a request with the same key is under way in this process.

        Raises:
            IdempotencyInFlight: it takes too long.
        """
        first = self._keys.get((claim.scope, claim.key))
        if first is not None:
            try:
                async with asyncio.timeout(PATIENCE_S):
                    await first.wait()
            except TimeoutError:
                raise IdempotencyInFlight from None
        return self._keys.setdefault((claim.scope, claim.key), asyncio.Event())

    def _end(self, claim: Claim, done: asyncio.Event) -> None:
        done.set()
        if self._keys.get((claim.scope, claim.key)) is done:
            del self._keys[claim.scope, claim.key]

    async def _replay(self, claim: Claim, items: Sequence[Draft | InvalidInput]) -> Answer:
        try:
            async with self._database.connection() as connection:
                first = await idempotency.recall(connection, claim.scope, claim.key)
                rows = {} if first is None else await jobs_read.many(connection, jobs_in(first))
        except Exception as error:
            if not is_transient(error):
                raise
            raise StoreUnavailable from error
        if first is None:
            raise StoreUnavailable("the Idempotency-Key expired just now; try again")
        if first.request_hash != claim.request_hash:
            raise IdempotencyMismatch
        return Answer(first_verdicts(first, rows, items), replayed=True, key_expires_at=first.expires_at)


def _verdict(draft: Draft, placed: Placed) -> Verdict:
    if draft.id in placed.refused:
        return placed.refused[draft.id]
    if draft.id in placed.met:
        return verdict_of(placed.met[draft.id])
    return fresh(draft, placed.stored[draft.id])


def _ids(drafts: Sequence[Draft]) -> tuple[UUID, ...]:
    return tuple(draft.id for draft in drafts)


def _refusals(items: Sequence[Draft | InvalidInput]) -> dict[str, Any]:
    return {str(place): refusal(item) for place, item in enumerate(items) if isinstance(item, InvalidInput)}
