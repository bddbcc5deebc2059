"""Jobs that workers hand back at a gate: into their lanes, and permits that were not used given back."""

from collections import Counter
from collections.abc import Sequence
from uuid import UUID

from jobstream.contracts.events import Deferral, StatusEvent
from jobstream_api.domain.flow import FlowRules, Lane, is_rate
from jobstream_api.domain.gates import Bucket, Cells
from jobstream_api.infrastructure.database import Connection
from jobstream_api.repositories import gates, runs
from jobstream_api.services.flow import Flow

ASK_AGAIN_S = 0.5
"""A worker knows of a gate that we do not: we shall know soon."""


async def lanes(connection: Connection, flow: Flow, outcomes: Sequence[StatusEvent]) -> dict[UUID, str | None]:
    """Of jobs that were handed back for want of a permit and have no lane yet: where they wait from now on.

    None: we know of no gate.
    """
    ids = [outcome.id for outcome in outcomes if outcome.reason is Deferral.GATED]
    if not ids:
        return {}
    rows = await runs.gateless(connection, ids)
    return {row["id"]: flow.lane(row["type"], row["queue"], row["key"], row["payload"]) for row in rows}


async def refund(connection: Connection, rules: FlowRules, ids: Sequence[UUID]) -> None:
    """Give the rates back what jobs did not use that came to a worker too late, or to one that has heard of a pause.

    To be called while they hold their permits.
    """
    unused: Counter[Bucket] = Counter()
    for text in await gates.permits_of(connection, ids):
        unused.update(Lane.of_text(text).limits)
    permits = {
        bucket: (Cells.of(limit.rule), count)
        for bucket, count in unused.items()
        if (limit := rules.limits.get(bucket[0])) is not None and is_rate(limit)
    }
    if permits:
        await gates.refund(connection, permits)
