"""The smallest handler: the job that every first try submits."""

from typing import Any

from jobstream import handler


@handler("example")
async def example(payload: dict[str, Any]) -> dict[str, str]:
    """Take any payload and succeed."""
    return {"output": "success"}
