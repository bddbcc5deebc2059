"""Waiting for jobs to end."""

import asyncio
from contextlib import asynccontextmanager

from jobstream.ids import new_id
from jobstream_api.services.waiters import Waiters


def waiters() -> Waiters:
    return Waiters(None)  # type: ignore[arg-type]


async def test_news_between_the_beginning_and_the_wait_are_not_missed():
    waiting, job_id = waiters(), new_id()
    with waiting.watch(job_id) as watch:
        waiting.notify([job_id])
        async with asyncio.timeout(1):
            await watch.woken(60)


async def test_each_news_wakes_once_and_only_its_job():
    waiting, job_id = waiters(), new_id()
    loop = asyncio.get_running_loop()
    with waiting.watch(job_id) as watch, waiting.watch(new_id()) as other:
        waiting.notify([job_id, job_id])
        async with asyncio.timeout(1):
            await watch.woken(60)
        began = loop.time()
        await watch.woken(0.02)
        await other.woken(0.02)
        assert loop.time() - began >= 0.04 - 0.005


async def test_all_waiters_of_a_job_are_woken_and_none_is_left_behind():
    waiting, job_id = waiters(), new_id()
    with waiting.watch(job_id) as first, waiting.watch(job_id) as second:
        assert len(waiting) == 2
        waiting.notify([job_id])
        async with asyncio.timeout(1):
            await first.woken(60)
            await second.woken(60)
    assert len(waiting) == 0


async def test_at_shutdown_whoever_waits_or_comes_is_let_go_at_once():
    waiting = waiters()
    with waiting.watch(new_id()) as watch:
        waiting.release()
        async with asyncio.timeout(1):
            await watch.woken(60)
    with waiting.watch(new_id()) as late:
        async with asyncio.timeout(1):
            await late.woken(60)


class Asked:
    """A database that knows of no job that has ended, and notes for which it was asked."""

    def __init__(self) -> None:
        self.questions: list[list] = []
        self.any = asyncio.Event()

    @asynccontextmanager
    async def connection(self):
        yield self

    async def fetch(self, _query, ids, _statuses):
        self.questions.append(list(ids))
        self.any.set()
        return []


async def test_the_database_is_asked_for_those_alone_who_have_waited_for_longer_than_a_tick():
    database, long_since, just_now = Asked(), new_id(), new_id()
    waiting = Waiters(database, tick_s=0.01)  # type: ignore[arg-type]
    running = asyncio.create_task(waiting.run())
    with waiting.watch(long_since), waiting.watch(just_now) as new:
        new.since += 3600
        async with asyncio.timeout(5):
            await database.any.wait()
    waiting.release()
    await running
    assert {tuple(ids) for ids in database.questions} == {(long_since,)}
