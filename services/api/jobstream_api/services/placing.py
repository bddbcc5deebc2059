"""Orders for jobs, stored: any number of them in one transaction, each with its own fate."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from jobstream.contracts.topics import Topics
from jobstream.errors import InvalidInput
from jobstream.telemetry import Event, emit
from jobstream_api.domain.errors import StoreUnavailable
from jobstream_api.infrastructure.database import Connection, Database, is_refusal, is_transient
from jobstream_api.repositories import idempotency, submits
from jobstream_api.repositories.idempotency import Claim
from jobstream_api.repositories.outbox import OutboxRow
from jobstream_api.repositories.submits import Draft, Record, Stored

Stores = dict[UUID, Stored]

_AT_ONCE = 1_000
"""Jobs in one statement: some milliseconds of this process's time."""


@dataclass(frozen=True, slots=True)
class Order:
    """Jobs that one request asks for."""

    drafts: Sequence[Draft]
    claim: Claim | None = None


@dataclass(slots=True)
class Placed:
    """What became of an order.

    Attributes:
        stored: by id; empty if another request with the same key came first.
        refused: drafts that the database would not take, by id.
    """

    first: bool
    stored: Stores = field(default_factory=dict)
    refused: dict[UUID, InvalidInput] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Joined:
    """Drafts that were stored inside somebody else's transaction.

    Attributes:
        publish: to be called once that is committed.
    """

    stored: Stores
    refused: dict[UUID, InvalidInput]
    publish: Callable[[], None]


class Placer:
    """Stores orders, and hands their records to the relay after the commit.

    Args:
        ease: returns once the relay has room, or will not have it soon.
        gated: called when jobs have come to a gate.
    """

    def __init__(
        self,
        database: Database,
        topics: Topics,
        *,
        hand_over: Callable[[Sequence[OutboxRow]], None],
        ease: Callable[[], Awaitable[None]],
        ids: Callable[[], UUID],
        ttl_s: float,
        gated: Callable[[], None],
    ) -> None:
        self._database = database
        self._topics = topics
        self._hand_over = hand_over
        self._ease = ease
        self._ids = ids
        self._ttl_s = ttl_s
        self._gated = gated

    async def place(self, orders: Sequence[Order]) -> list[Placed | Exception]:
        """Store ``orders`` in one transaction; one result each, in order. Never raises."""
        await self._ease()
        try:
            try:
                return list(await self._transact(orders, careful=False))
            except Exception as error:
                if not is_refusal(error):
                    raise
                return list(await self._transact(orders, careful=True))
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
        records = self._records(drafts)
        refused: dict[UUID, InvalidInput] = {}
        stored = await self._insert_fitting(connection, drafts, records, refused) if drafts else {}

        def publish() -> None:
            self._hand_over_of(records, stored, door=door)
            self._tell_of_gated(drafts)

        return Joined(stored, refused, publish)

    async def _transact(self, orders: Sequence[Order], *, careful: bool) -> list[Placed]:
        if not careful and all(order.claim is None for order in orders):
            drafts = [draft for order in orders for draft in order.drafts]
            if len(drafts) <= _AT_ONCE:
                opened = self._database.connection()  # one statement is a transaction of its own
            else:
                opened = self._database.transaction()
            async with opened as connection:
                records, stored = await self._insert_all(connection, drafts)
            self._hand_over_of(records, stored)
            self._tell_of_gated(drafts)
            return [Placed(True, stored) for _ in orders]
        return await self._transact_with_claims(orders, careful=careful)

    async def _transact_with_claims(self, orders: Sequence[Order], *, careful: bool) -> list[Placed]:
        claims: dict[tuple[str, str], Claim] = {}
        for order in orders:
            if order.claim is not None:
                claims.setdefault((order.claim.scope, order.claim.key), order.claim)
        async with self._database.transaction() as connection:
            won = await idempotency.claim(connection, list(claims.values()), self._ttl_s)
            first = [
                order.claim is None
                or ((place := (order.claim.scope, order.claim.key)) in won and claims[place] is order.claim)
                for order in orders
            ]
            drafts = [
                draft for order, is_first in zip(orders, first, strict=True) if is_first for draft in order.drafts
            ]
            refused: dict[UUID, InvalidInput] = {}
            if careful:
                records = self._records(drafts)
                stored = await self._insert_fitting(connection, drafts, records, refused) if drafts else {}
            else:
                records, stored = await self._insert_all(connection, drafts)
            for order, is_first in zip(orders, first, strict=True):
                if refused and is_first and order.claim and not any(draft.id in stored for draft in order.drafts):
                    await idempotency.release(connection, order.claim)
        self._hand_over_of(records, stored)
        self._tell_of_gated(drafts)
        return [Placed(True, stored, refused) if is_first else Placed(False) for is_first in first]

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

    def _tell_of_gated(self, drafts: Sequence[Draft]) -> None:
        if any(draft.lane is not None for draft in drafts):
            self._gated()

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
