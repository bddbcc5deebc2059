"""What is forgotten by age."""

from jobstream_api.infrastructure.database import Connection


async def forget(connection: Connection) -> None:
    """Delete idempotency keys past their expiry, and workers that were last seen a week ago."""
    await connection.execute("DELETE FROM idempotency_keys WHERE expires_at < now()")
    await connection.execute("DELETE FROM workers WHERE last_seen_at < now() - interval '7 days'")
