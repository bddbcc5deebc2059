"""The two doors, and what became of what went in."""

import asyncio
import time
from collections.abc import Callable, Sequence

from jobstream.cli.demo.acts import Act, Door
from jobstream.client import Client, KafkaClient
from jobstream.ids import new_id

SUBMIT_S = 30.0
BETWEEN_SUBMITS_S = 0.1
POLL_S = 0.2


async def play(
    acts: Sequence[Act], http: Client, kafka: KafkaClient, tag: str, *, changed: Callable[[], None], until: float
) -> None:
    """Submit every job and follow all to their end.

    Args:
        tag: marks the jobs, so that one request asks after all of them.
        changed: called whenever something may look different.
        until: when to give up, on this machine's monotonic clock.
    """
    submits = asyncio.create_task(_submit_all(acts, http, kafka, tag), name="submit")
    try:
        while not (submits.done() and all(act.over for act in acts)) and time.monotonic() < until:
            await _look(acts, http, tag)
            changed()
            await asyncio.sleep(POLL_S)
        changed()
    finally:
        submits.cancel()
        await asyncio.gather(submits, return_exceptions=True)


async def _submit_all(acts: Sequence[Act], http: Client, kafka: KafkaClient, tag: str) -> None:
    for act in acts:
        try:
            async with asyncio.timeout(SUBMIT_S):
                await _submit(act, http, kafka, tag)
        except Exception as error:  # one that is not taken is that job's surprise, not the end of the demo
            act.trouble = f"not taken: {error or type(error).__name__}"
        await asyncio.sleep(BETWEEN_SUBMITS_S)


async def _submit(act: Act, http: Client, kafka: KafkaClient, tag: str) -> None:
    act.sent_at = time.monotonic()
    if act.door is Door.HTTP:
        act.job_id = (await http.submit(act.payload, type=act.type, tags=[tag])).id
    else:
        act.job_id = new_id()
        await kafka.publish(act.payload, job_id=act.job_id, type=act.type, tags=[tag])


async def _look(acts: Sequence[Act], http: Client, tag: str) -> None:
    by_id = {act.job_id: act for act in acts}
    page = await http.list(tag=tag, limit=200)
    for job in page.items:
        act = by_id.get(job.id)
        if act is not None and not act.over:
            act.job = job
