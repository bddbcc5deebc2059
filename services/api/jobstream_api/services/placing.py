"""Orders for jobs, stored: any number of them in one transaction, each with its own fate."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from uuid import UUID

from jobstream.contracts.topics import Topics
from jobstream.errors import InvalidInput
from jobstream.telemetry import Event, emit
from jobstream_api.domain.errors import IdempotencyInFlight, StoreUnavailable
from jobstream_api.infrastructure.database import Connection, Database, is_lock_timeout, is_refusal, is_transient
from jobstream_api.repositories import idempotency, submits
from jobstream_api.repositories.idempotency import Claim
from jobstream_api.repositories.outbox import OutboxRow
from jobstream_api.repositories.submits import Draft, Record, Stored
from jobstream_api.services.backlog_caps import BacklogCaps
from jobstream_api.services.remembering import remembered
from jobstream_api.services.uniqueness import Rival, settle

Stores = dict[UUID, Stored]

_AT_ONCE = 1_000
"""Jobs in one statement: some milliseconds of this process's time."""
PATIENCE_S = 2.0
"""How long another transaction that has a key or a claim of ours is waited for."""
_LITTLE_PATIENCE_S = 0.25
"""The same while the order to blame is looked for among its neighbours."""


@dataclass(frozen=True, slots=True)
class Order:
    """Jobs that one request asks for.

    Attributes:
        judged: one of them asks to be unique, or its backlog has a cap.
    """

    drafts: Sequence[Draft]
    claim: Claim | None = None
    judged: bool = False


@dataclass(slots=True)
class Placed:
    """What became of an order.

    Attributes:
        stored: by id; empty if another request with the same key came first.
        refused: drafts that the database would not take, by id.
        met: what drafts met that are not unique, by id.
        key_expires_at: until when the key of the order is remembered, if it has one and was first.
    """

    first: bool
    stored: Stores = field(default_factory=dict)
    refused: dict[UUID, InvalidInput] = field(default_factory=dict)
    met: dict[UUID, Rival] = field(default_factory=dict)
    key_expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Joined:
    """Drafts that were stored inside somebody else's transaction.

    Attributes:
        publish: to be called once that is committed.
    """

    stored: Stores
    refused: dict[UUID, InvalidInput]
    met: dict[UUID, Rival]
    publish: Callable[[], None]


@dataclass(slots=True)
class _Work:
    """What a transaction has stored so far, and what it refused.

    Attributes:
        asking: all that it may store, if those for which there is no room are refused; looked at first.
    """

    asking: Sequence[Draft] = ()
    records: list[Record] = field(default_factory=list)
    stored: Stores = field(default_factory=dict)
    refused: dict[UUID, InvalidInput] = field(default_factory=dict)


def _expiry(order: Order, won: Mapping[tuple[str, str], datetime]) -> datetime | None:
    return None if order.claim is None else won[order.claim.scope, order.claim.key]


def _replacing(drafts: Sequence[Draft], met: Mapping[UUID, Rival]) -> list[Draft]:
    """Those of ``drafts`` whose lanes other jobs have now."""
    return [draft for draft in drafts if draft.id in met and met[draft.id].replaced] if met else []


_RIVAL_IN_FLIGHT = "a job that is the same by `unique` is being stored just now; try again in a moment"


class Placer:
    """Stores orders, and hands their records to the relay after the commit.

    Args:
        caps: asked once it is known which drafts make jobs.
        ease: returns once the relay has room, or will not have it soon.
        held: called when jobs are held, with the lanes in which some wait at their gates now.
    """

    def __init__(
        self,
        database: Database,
        topics: Topics,
        caps: BacklogCaps,
        *,
        hand_over: Callable[[Sequence[OutboxRow]], None],
        ease: Callable[[], Awaitable[None]],
        ids: Callable[[], UUID],
        ttl_s: float,
        held: Callable[[set[str]], None],
    ) -> None:
        self._database = database
        self._topics = topics
        self._caps = caps
        self._hand_over = hand_over
        self._ease = ease
        self._ids = ids
        self._ttl_s = ttl_s
        self._held = held

    async def place(self, orders: Sequence[Order]) -> list[Placed | Exception]:
        """Store ``orders`` in one transaction; one result each, in order. Never raises."""
        await self._ease()
        return await self._place(orders, PATIENCE_S)

    async def _place(self, orders: Sequence[Order], patience_s: float) -> list[Placed | Exception]:
        try:
            try:
                return list(await self._transact(orders, careful=False, patience_s=patience_s))
            except Exception as error:
                if not is_refusal(error):
                    raise
                return list(await self._transact(orders, careful=True, patience_s=patience_s))
        except (IdempotencyInFlight, StoreUnavailable) as error:
            if len(orders) == 1:
                return [error]
            half = len(orders) // 2
            first = await self._place(orders[:half], _LITTLE_PATIENCE_S)
            return first + await self._place(orders[half:], _LITTLE_PATIENCE_S)
        except Exception as error:
            if not is_transient(error):
                emit(Event.SERVICE_CRASHED, service="submit", error=repr(error), exc_info=error)
                return [error for _ in orders]
            emit(Event.DATABASE_TROUBLE, service="submit", error=repr(error))
            return [StoreUnavailable() for _ in orders]

    async def join(self, connection: Connection, drafts: Sequence[Draft], *, door: str) -> Joined:
        """Store ``drafts`` in the caller's transaction; one that the database refuses hurts no other.

        Args:
            door: how they came, for metrics.
        """
        work = _Work()
        met = await settle(connection, drafts, PATIENCE_S, partial(self._insert, connection, work, careful=True))
        await self._caps.note(connection, _replacing(drafts, met))

        def publish() -> None:
            self._hand_over_of(work.records, work.stored, door=door)
            self._tell_of_held(drafts, met)

        return Joined(work.stored, work.refused, met, publish)

    async def _transact(self, orders: Sequence[Order], *, careful: bool, patience_s: float) -> list[Placed]:
        if not careful and all(order.claim is None and not order.judged for order in orders):
            drafts = [draft for order in orders for draft in order.drafts]
            if len(drafts) <= _AT_ONCE:
                opened = self._database.connection()  # one statement is a transaction of its own
            else:
                opened = self._database.transaction()
            async with opened as connection:
                records, stored = await self._insert_all(connection, drafts)
            self._hand_over_of(records, stored)
            self._tell_of_held(drafts, {})
            return [Placed(True, stored) for _ in orders]
        return await self._transact_with_claims(orders, careful=careful, patience_s=patience_s)

    async def _transact_with_claims(self, orders: Sequence[Order], *, careful: bool, patience_s: float) -> list[Placed]:
        claims: dict[tuple[str, str], Claim] = {}
        for order in orders:
            if order.claim is not None:
                claims.setdefault((order.claim.scope, order.claim.key), order.claim)
        async with self._database.transaction() as connection:
            try:
                won = await idempotency.claim(connection, list(claims.values()), self._ttl_s, patience_s)
            except Exception as error:
                if is_lock_timeout(error):
                    raise IdempotencyInFlight from error
                raise
            first = [
                order.claim is None
                or ((place := (order.claim.scope, order.claim.key)) in won and claims[place] is order.claim)
                for order in orders
            ]
            drafts = [
                draft for order, is_first in zip(orders, first, strict=True) if is_first for draft in order.drafts
            ]
            work = _Work(drafts)
            insert = partial(self._insert, connection, work, careful=careful, capped_within_s=patience_s)
            try:
                met = await settle(connection, drafts, patience_s, insert)
                await self._caps.note(connection, _replacing(drafts, met))
            except Exception as error:
                if is_lock_timeout(error):
                    raise StoreUnavailable(_RIVAL_IN_FLIGHT) from error
                raise
            if work.refused or met:
                for order, is_first in zip(orders, first, strict=True):
                    if is_first and order.claim is not None:
                        await self._remember(connection, order.claim, order.drafts, work.refused, met)
        self._hand_over_of(work.records, work.stored)
        self._tell_of_held(drafts, met)
        return [
            Placed(True, work.stored, work.refused, met, _expiry(order, won)) if is_first else Placed(False)
            for order, is_first in zip(orders, first, strict=True)
        ]

    async def _remember(
        self,
        connection: Connection,
        claim: Claim,
        drafts: Sequence[Draft],
        refused: dict[UUID, InvalidInput],
        met: dict[UUID, Rival],
    ) -> None:
        amended = remembered(claim, drafts, refused, met)
        if amended is None:
            await idempotency.release(connection, claim)
        elif amended != claim:
            await idempotency.amend(connection, amended)

    async def _insert(
        self,
        connection: Connection,
        work: _Work,
        drafts: Sequence[Draft],
        *,
        careful: bool,
        capped_within_s: float | None = None,
    ) -> set[UUID]:
        """Insert drafts and note it in ``work``.

        Args:
            careful: the database is asked one by one where it refuses something.
            capped_within_s: those for which there is no room are refused; others that look are waited for so long.

        Returns:
            The ids of those that are refused.
        """
        full: dict[UUID, InvalidInput] = {}
        if capped_within_s is not None:
            asking, work.asking = work.asking, ()
            await self._caps.lock(connection, asking, capped_within_s)
            full = await self._caps.refuse(connection, drafts)
        work.refused |= full
        fitting = [draft for draft in drafts if draft.id not in full] if full else drafts
        if not fitting:
            return set(full)
        await self._caps.note(connection, fitting)
        if careful:
            records, before = self._records(fitting), len(work.refused)
            work.stored |= await self._insert_fitting(connection, fitting, records, work.refused)
            work.records += records
            if len(work.refused) > before:
                return {draft.id for draft in drafts if draft.id in work.refused}
            return set(full)
        records, stored = await self._insert_all(connection, fitting)
        work.records += records
        work.stored |= stored
        return set(full)

    async def _insert_all(self, connection: Connection, drafts: Sequence[Draft]) -> tuple[list[Record], Stores]:
        """Insert all drafts, a slice at a time: a long one would hold up everybody else in this process."""
        records: list[Record] = []
        stored: Stores = {}
        for start in range(0, len(drafts), _AT_ONCE):
            some = drafts[start : start + _AT_ONCE]
            theirs = self._records(some)
            stored |= await submits.insert(connection, some, theirs)
            records += theirs
        return records, stored

    async def _insert_fitting(
        self,
        connection: Connection,
        drafts: Sequence[Draft],
        records: Sequence[Record],
        refused: dict[UUID, InvalidInput],
    ) -> Stores:
        """Insert all drafts but those that the database refuses, found by halving."""
        try:
            async with connection.transaction():
                return await submits.insert(connection, drafts, records)
        except Exception as error:
            if not is_refusal(error):
                raise
            if len(drafts) == 1:
                refused[drafts[0].id] = InvalidInput("unstorable", "", f"the database refuses this job: {error}")
                return {}
        half = len(drafts) // 2
        stored = await self._insert_fitting(connection, drafts[:half], records[:half], refused)
        return stored | await self._insert_fitting(connection, drafts[half:], records[half:], refused)

    def _tell_of_held(self, drafts: Sequence[Draft], met: Mapping[UUID, Rival]) -> None:
        lanes = {draft.lane for draft in drafts if draft.lane is not None}
        if lanes or any(rival.replaced for rival in met.values()):
            self._held(lanes)

    def _records(self, drafts: Sequence[Draft]) -> list[Record]:
        return [Record.of(self._ids(), draft, self._topics.jobs(draft.queue)) for draft in drafts]

    def _hand_over_of(self, records: Sequence[Record], stored: Stores, *, door: str = "http") -> None:
        beginnings = {at: submits.beginning(at) for at in {fact.created_at for fact in stored.values()}}
        self._hand_over(
            [
                record.outbox_row(fact.created_at, beginnings[fact.created_at])
                for record in records
                if (fact := stored.get(record.job_id)) is not None and not fact.held
            ]
        )
        emit(Event.JOBS_SUBMITTED, count=len(stored), door=door)
