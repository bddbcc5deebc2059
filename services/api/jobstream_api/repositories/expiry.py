"""What is forgotten by age, besides what `retention` does."""

from jobstream_api.infrastructure.database import Connection


async def forget(connection: Connection) -> None:
    """Delete workers that were last seen a week ago."""
    await connection.execute("DELETE FROM workers WHERE last_seen_at < now() - interval '7 days'")
