"""Whether the applier has passed a place: what the rows tell is then all that was heard up to it."""

import asyncio

from jobstream.kafka.ends import Place
from jobstream.service import LoopService
from jobstream_api.infrastructure.database import Database
from jobstream_api.repositories import progress
from jobstream_api.services import applier

_CATCH_UP_S = 10.0
_ASK_EVERY_S = 0.2


async def applied(database: Database, ends: dict[Place, int], waiting: LoopService) -> bool:
    """Wait until the events before ``ends`` are applied; False if they are not within some seconds.

    Args:
        waiting: the service that waits; it may be told to stop meanwhile.
    """
    loop = asyncio.get_running_loop()
    until = loop.time() + _CATCH_UP_S
    while not waiting.stopping.is_set():
        async with database.connection() as connection:
            stored = await progress.load(connection, applier.CONSUMER)
        if all(stored.get(place, 0) >= end for place, end in ends.items()):
            return True
        if loop.time() > until:
            return False
        waiting.succeeded()
        await waiting.pause(_ASK_EVERY_S)
    return False
