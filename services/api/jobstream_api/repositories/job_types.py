"""Job types as the workers announced them."""

from collections.abc import Sequence

from jobstream.contracts.events import TypeAnnouncement
from jobstream.contracts.flow import Limit
from jobstream.contracts.unique import Unique
from jobstream_api.infrastructure.database import Connection
from jobstream_api.repositories.statements import as_json, statement


async def load(connection: Connection) -> list[TypeAnnouncement]:
    """Every type that was ever announced."""
    rows = await connection.fetch("SELECT * FROM job_types ORDER BY type")
    return [
        TypeAnnouncement(
            type=row["type"],
            payload_schema=row["payload_schema"],
            description=row["description"],
            max_retries=row["max_retries"],
            timeout_s=row["timeout_s"],
            run_in=row["run_in"],
            backoff_base_s=row["backoff_base_s"],
            backoff_factor=row["backoff_factor"],
            backoff_cap_s=row["backoff_cap_s"],
            limits=[Limit.read(limit) for limit in row["limits"]],
            strict_order=row["strict_order"],
            unique=None if row["uniqueness"] is None else Unique.model_validate(Unique.known(row["uniqueness"])),
            at=row["announced_at"],
        )
        for row in rows
    ]


async def upsert(connection: Connection, types: Sequence[TypeAnnouncement]) -> None:
    """Keep each announcement that is newer than the one we have."""
    ordered = sorted(types, key=lambda announced: announced.type)
    await connection.execute(
        statement("job_types_upsert"),
        [announced.type for announced in ordered],
        [as_json(announced.payload_schema) for announced in ordered],
        [announced.description for announced in ordered],
        [announced.max_retries for announced in ordered],
        [announced.timeout_s for announced in ordered],
        [announced.run_in for announced in ordered],
        [announced.backoff_base_s for announced in ordered],
        [announced.backoff_factor for announced in ordered],
        [announced.backoff_cap_s for announced in ordered],
        [as_json([limit.model_dump(exclude_none=True) for limit in announced.limits]) for announced in ordered],
        [announced.strict_order for announced in ordered],
        [announced.at for announced in ordered],
        [None if announced.unique is None else as_json(announced.unique.to_dict()) for announced in ordered],
    )
