"""Jobs whose record Kafka refuses for good."""

from collections.abc import Sequence
from uuid import UUID

from jobstream_api.domain.transitions import Cause, sources
from jobstream_api.infrastructure.database import Connection
from jobstream_api.repositories.statements import statement


async def fail_jobs(connection: Connection, jobs: Sequence[tuple[UUID, str]]) -> None:
    """End jobs that wait for a record which will never come, each with why, in the caller's transaction."""
    if jobs:
        ordered = sorted(jobs)
        await connection.execute(
            statement("unpublished_fail"),
            [job_id for job_id, _ in ordered],
            [detail for _, detail in ordered],
            sources(Cause.EXHAUST),
        )
