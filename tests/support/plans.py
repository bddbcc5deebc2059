"""How PostgreSQL runs a statement."""

from typing import Any

import orjson


async def explain(connection: Any, text: str, *arguments: Any) -> dict[str, Any]:
    """The top of the plan of a statement, with what it read; what it did is taken back."""
    transaction = connection.transaction()
    await transaction.start()
    try:
        plan = await connection.fetchval(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {text}", *arguments)
    finally:
        await transaction.rollback()
    top: dict[str, Any] = (plan if isinstance(plan, list) else orjson.loads(plan))[0]["Plan"]
    return top
