"""Jobs that workers hand back at a gate: into their lanes, and permits that were not used given back."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from jobstream_api.domain.decisions import Standing
from jobstream_api.domain.flow import FlowRules, Lane
from jobstream_api.domain.gates import Cells
from jobstream_api.infrastructure.database import Connection
from jobstream_api.repositories import runs
from jobstream_api.repositories.gates import Unused
from jobstream_api.services.flow import Flow

ASK_AGAIN_S = 0.5
"""A worker knows of a gate that we do not: we shall know soon."""


async def lanes(connection: Connection, flow: Flow, ids: Sequence[UUID]) -> dict[UUID, str | None]:
    """Where jobs without a lane, handed back for want of a permit, wait from now on. None: we know of no gate."""
    rows = await runs.gated(connection, ids) if ids else []
    return {row["id"]: flow.lane(row["type"], row["queue"], row["key"], row["payload"]) for row in rows}


def unused(rules: FlowRules, rows: Iterable[Standing]) -> list[Unused]:
    """What the rates get back of jobs that came to a worker too late, or to one that has heard of a pause."""
    rows = [row for row in rows if row.permit_from is not None]
    if not rows:
        return []
    rates = {name: Cells.of(rules.limits[name].rule).interval_s for name in rules.rates}
    return [
        Unused(bucket, row.permit_from, rates[bucket[0]])
        for row in rows
        if row.lane is not None and row.permit_from is not None
        for bucket in Lane.of_text(row.lane).limits
        if bucket[0] in rates
    ]
