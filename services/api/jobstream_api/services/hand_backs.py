"""Jobs that workers hand back at a gate: into their lanes, and permits that were not used given back."""

from collections.abc import Sequence
from uuid import UUID

from jobstream.contracts.events import Deferral, StatusEvent
from jobstream_api.domain.flow import FlowRules, Lane
from jobstream_api.domain.gates import Cells
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
    rates = {name: Cells.of(rules.limits[name].rule).interval_s for name in rules.rates}
    unused = [
        gates.Unused(bucket, given_at, rates[bucket[0]])
        for text, given_at in await gates.permits_of(connection, ids)
        for bucket in Lane.of_text(text).limits
        if bucket[0] in rates
    ]
    if unused:
        await gates.refund(connection, unused)
