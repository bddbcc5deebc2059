"""Caps on backlogs: a submit is refused while too many jobs of its limit and key wait."""

from collections import Counter
from collections.abc import Container, Iterable, Sequence
from uuid import UUID

from jobstream.errors import InvalidInput
from jobstream_api.domain.errors import StoreUnavailable
from jobstream_api.domain.flow import Lane
from jobstream_api.domain.gates import Bucket
from jobstream_api.infrastructure.database import Connection, is_lock_timeout
from jobstream_api.repositories import backlogs
from jobstream_api.repositories.backlogs import Place
from jobstream_api.repositories.submits import Draft
from jobstream_api.services.flow import Flow

_TIDY_FROM = 16
"""Lanes without jobs are taken out once more than so many are listed, and few of them have any."""
_BUSY = "jobs of the same limit are being stored just now; try again in a moment"


class BacklogCaps:
    """Counts what waits, for limits that have a ``max_waiting``; asks nothing where none has."""

    def __init__(self, flow: Flow) -> None:
        self._flow = flow

    def concern(self, drafts: Iterable[Draft]) -> bool:
        """True if there may be no room for one of ``drafts``."""
        capped = self._flow.rules.capped
        return bool(capped) and any(_capped(text, capped) for text in _lanes(drafts))

    async def lock(self, connection: Connection, drafts: Iterable[Draft], patience_s: float) -> None:
        """Until the transaction ends nobody else looks whether there is room where ``drafts`` may go.

        So all that look are counted one after another. To be called once, before any of them is stored.

        Raises:
            StoreUnavailable: somebody else did for longer than ``patience_s`` seconds.
        """
        buckets = {bucket for found in self._buckets(drafts).values() for bucket in found}
        if not buckets:
            return
        try:
            await backlogs.lock(connection, buckets, patience_s)
        except Exception as error:
            if is_lock_timeout(error):
                raise StoreUnavailable(_BUSY) from error
            raise

    async def refuse(self, connection: Connection, drafts: Sequence[Draft]) -> dict[UUID, InvalidInput]:
        """Those of ``drafts`` for which there is no room, with what to say of them.

        Jobs that wait are counted, of all types and in all queues, and those before it in ``drafts``.
        """
        capped, by_lane = self._flow.rules.capped, self._buckets(drafts)
        most = {bucket: capped[bucket[0]] for found in by_lane.values() for bucket in found}
        if not most:
            return {}
        found = await backlogs.count(connection, most)
        many = [bucket for bucket, one in found.items() if one.lanes > _TIDY_FROM + 2 * one.waiting]
        if many:
            await backlogs.tidy(connection, many)
        waiting = Counter({bucket: one.waiting for bucket, one in found.items()})
        refused: dict[UUID, InvalidInput] = {}
        for draft in drafts:
            buckets = by_lane.get(draft.lane, ()) if draft.lane is not None else ()
            full = next((bucket for bucket in buckets if waiting[bucket] >= most[bucket]), None)
            if full is None:
                waiting.update(buckets)
            else:
                refused[draft.id] = _full(full, most[full])
        return refused

    async def note(self, connection: Connection, drafts: Iterable[Draft]) -> None:
        """Drafts are about to be stored: their lanes have to be found by whoever counts."""
        capped = self._flow.rules.capped
        if capped:
            await backlogs.register(connection, capped_places(_lanes(drafts), capped))

    def _buckets(self, drafts: Iterable[Draft]) -> dict[str, list[Bucket]]:
        """By lane, of lanes with a capped limit."""
        capped = self._flow.rules.capped
        if not capped:
            return {}
        return {text: found for text in _lanes(drafts) if (found := _capped(text, capped))}


def capped_places(lanes: Iterable[str], capped: Container[str]) -> set[Place]:
    """``lanes`` as the limits with a cap have them."""
    return {Place(*bucket, text) for text in lanes for bucket in _capped(text, capped)}


def _lanes(drafts: Iterable[Draft]) -> set[str]:
    return {draft.lane for draft in drafts if draft.lane is not None}


def _capped(lane: str, capped: Container[str]) -> list[Bucket]:
    return [bucket for bucket in Lane.of_text(lane).limits if bucket[0] in capped]


def _full(bucket: Bucket, cap: int) -> InvalidInput:
    name, key = bucket
    whose = f" of {key!r}" if key else ""
    detail = f"{cap} jobs{whose} wait for the limit {name!r} already, its max_waiting; try again later"
    return InvalidInput("backlog_full", "/type", detail)
