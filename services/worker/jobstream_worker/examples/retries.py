"""Two handlers that fail on purpose, to see what retries do."""

from pydantic import BaseModel, Field

from jobstream import Backoff, JobContext, handler

SOON = Backoff(base_s=0.3, factor=2.0, cap_s=2.0)


class Flaky(BaseModel):
    """What ``flaky`` takes."""

    failures: int = Field(2, ge=0, le=20, description="So many attempts fail, then one succeeds.")


class Doomed(BaseModel):
    """What ``doomed`` takes."""

    message: str = Field("this job always fails", max_length=200, description="What the error says.")


@handler("flaky", max_retries=5, backoff=SOON)
async def flaky(payload: Flaky, ctx: JobContext) -> dict[str, int]:
    """Fail a few times, then succeed."""
    ctx.progress(min(ctx.attempt / (payload.failures + 1), 1.0), f"attempt {ctx.attempt}")
    if ctx.attempt <= payload.failures:
        raise ConnectionError(f"failure {ctx.attempt} of {payload.failures}, as ordered")
    return {"attempts": ctx.attempt}


@handler("doomed", max_retries=2, backoff=SOON)
async def doomed(payload: Doomed) -> None:
    """Fail at every attempt."""
    raise RuntimeError(payload.message)
