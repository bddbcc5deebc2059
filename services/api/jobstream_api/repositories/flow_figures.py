"""How many jobs wait at gates and hold permits."""

from dataclasses import dataclass

from jobstream_api.domain.flow import Lane
from jobstream_api.infrastructure.database import Connection
from jobstream_api.repositories.statements import statement

MAX_LANES = 2_000
MAX_ROWS = 100_000
"""Index entries counted at most: a few hundred milliseconds at worst, with all lanes in use."""
MAX_HEAP_ROWS = 20_000


@dataclass(frozen=True, slots=True)
class LaneFigures:
    """Jobs of one lane.

    Attributes:
        capped: there are more, here or in lanes that were not looked at.
        age_s: how long the next one has waited since it was made, or was to start.
    """

    lane: Lane
    waiting: int = 0
    running: int = 0
    capped: bool = False
    age_s: float = 0.0


@dataclass(frozen=True, slots=True)
class QueueRows:
    """Jobs of one queue that are no matter of lanes.

    Attributes:
        held: until their ``run_at``, or for their next attempt.
        running: with a lease.
    """

    held: int = 0
    running: int = 0


async def lanes(connection: Connection) -> list[LaneFigures]:
    """Jobs at gates, and with permits. A lane may be there twice, once for either."""
    waiting = await connection.fetch(statement("lanes_waiting"), MAX_LANES, MAX_ROWS)
    running = await connection.fetch(statement("lanes_running"), MAX_LANES, MAX_ROWS)
    return [
        *(
            LaneFigures(Lane.of_text(row["lane"]), waiting=row["jobs"], capped=row["capped"], age_s=row["age_s"])
            for row in waiting
        ),
        *(LaneFigures(Lane.of_text(row["lane"]), running=row["jobs"], capped=row["capped"]) for row in running),
    ]


async def queues(connection: Connection) -> dict[str, QueueRows]:
    """Held and running jobs by queue, at most ``MAX_HEAP_ROWS`` of each in all."""
    rows = await connection.fetch(statement("queues_rows"), MAX_HEAP_ROWS)
    return {row["queue"]: QueueRows(row["held"], row["running"]) for row in rows}
