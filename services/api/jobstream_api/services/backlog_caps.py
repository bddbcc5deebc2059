"""Caps on backlogs: a submit is refused while too many jobs of its limit and key wait."""

from collections import Counter
from collections.abc import Sequence
from uuid import UUID

from jobstream.errors import InvalidInput
from jobstream_api.domain.flow import Lane
from jobstream_api.infrastructure.database import Connection, Database
from jobstream_api.repositories import gates
from jobstream_api.repositories.submits import Draft
from jobstream_api.services.flow import Flow
from jobstream_api.services.trouble import store_errors

Room = tuple[int, str, str]
"""How many jobs may wait in a lane, by which limit, and of which key of it."""


class BacklogCaps:
    """Counts what waits, for limits that have a ``max_waiting``; asks nothing where none has."""

    def __init__(self, database: Database, flow: Flow) -> None:
        self._database = database
        self._flow = flow

    async def refuse(self, drafts: Sequence[Draft]) -> dict[UUID, InvalidInput]:
        """Those of ``drafts`` for which there is no room, with what to say of them.

        Jobs of one type, queue and key are counted, those that wait and those before it in ``drafts``.

        Raises:
            StoreUnavailable.
        """
        rooms = self._rooms(drafts)
        if not rooms:
            return {}
        async with store_errors("submit"), self._database.connection() as connection:
            return await _beyond(connection, drafts, rooms)

    async def refuse_within(self, connection: Connection, drafts: Sequence[Draft]) -> dict[UUID, InvalidInput]:
        """The same in the caller's transaction, for ``drafts`` of which it is known by now that they make jobs."""
        rooms = self._rooms(drafts)
        return await _beyond(connection, drafts, rooms) if rooms else {}

    def _rooms(self, drafts: Sequence[Draft]) -> dict[str, Room]:
        capped = self._flow.rules.capped
        if not capped:
            return {}
        rooms: dict[str, Room] = {}
        for text in {draft.lane for draft in drafts if draft.lane is not None}:
            caps = [(capped[name], name, key) for name, key in Lane.of_text(text).limits if name in capped]
            if caps:
                rooms[text] = min(caps)
        return rooms


async def _beyond(connection: Connection, drafts: Sequence[Draft], rooms: dict[str, Room]) -> dict[UUID, InvalidInput]:
    waiting = Counter(await gates.count_waiting(connection, {text: rooms[text][0] for text in rooms}))
    refused: dict[UUID, InvalidInput] = {}
    for draft in drafts:
        if draft.lane not in rooms:
            continue
        cap, name, key = rooms[draft.lane]
        if waiting[draft.lane] >= cap:
            whose = f" of {key!r}" if key else ""
            detail = f"{cap} jobs{whose} wait for the limit {name!r} already, its max_waiting; try again later"
            refused[draft.id] = InvalidInput("backlog_full", "/type", detail)
        else:
            waiting[draft.lane] += 1
    return refused
