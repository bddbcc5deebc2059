"""Jobs that were lost in Kafka: each queue is judged for itself."""

from collections import Counter
from datetime import datetime, timedelta
from uuid import UUID

import pytest

from jobstream.ids import new_id
from jobstream.kafka.ends import Ends
from jobstream_api.repositories import lost
from jobstream_api.services import reaper
from tests.integration.api.doors import submit
from tests.support.eventually import eventually
from tests.support.space import Space

pytestmark = pytest.mark.integration

QUICK = {"reaper_interval_s": 0.2, "republish_after_s": 1.0}


@pytest.fixture
async def ends(space):
    reader = Ends(space.settings(), "test-ends")
    yield reader
    await reader.close()


async def lose(space: Space, queue: str = "default", *, later: bool = False) -> UUID:
    """A job of which Kafka has no record, as its row says in its first dispatch or in a later one."""
    job_id = new_id()
    await space.execute(
        "INSERT INTO jobs (id, type, queue, payload, dispatch, dispatched_at, watch_at)"
        " VALUES ($1, 'example', $2, '{}', CASE WHEN $3 THEN 2 ELSE 1 END, now(), CASE WHEN $3 THEN now() END)",
        job_id,
        queue,
        later,
    )
    return job_id


async def republished(space: Space, *ids: UUID) -> bool:
    """True if the reaper has published all of ``ids`` again: it tells by the time that it watches them from."""
    rows = await space.fetch("SELECT id FROM jobs WHERE watch_at IS NOT NULL AND watch_at > created_at")
    return {UUID(int=row["id"].int) for row in rows} >= set(ids)


async def records(ends: Ends, space: Space, queue: str) -> int:
    return sum((await ends.ends([space.topics.jobs(queue)])).values())


async def read_to_the_end(ends: Ends, space: Space, *queues: str) -> None:
    """What workers without trouble would have committed by now."""
    found = await ends.ends([space.topics.jobs(queue) for queue in queues])
    await ends.restore(space.settings().worker_group, {place: (end, "") for place, end in found.items()})


async def test_a_queue_that_nobody_serves_holds_up_no_other(space, client, start_inside, ends):
    waiting = await submit(client, queue="low")
    await eventually(lambda: on_topic(ends, space, "low", 1))
    first, second = await lose(space), await lose(space, later=True)
    unread = await lose(space, "low")
    await start_inside(roles=("leader",), **QUICK)
    await eventually(lambda: republished(space, first, second), timeout=20)
    await eventually(lambda: on_topic(ends, space, "default", 2))
    # And once more: the mark of the queue that is read is renewed.
    await read_to_the_end(ends, space, "default")
    third = await lose(space)
    await eventually(lambda: republished(space, third), timeout=20)
    assert not await republished(space, unread), "what was lost in a queue with a backlog is not known yet"
    assert await records(ends, space, "low") == 1
    # As soon as it is read, it is: what was on the topic has been heard of, the other has not.
    await read_to_the_end(ends, space, "default", "low")
    await space.execute("UPDATE jobs SET status = 'RUNNING', rank = 1 WHERE id = $1", UUID(waiting["id"]))
    await eventually(lambda: republished(space, unread), timeout=20)
    await eventually(lambda: on_topic(ends, space, "low", 2))


async def on_topic(ends: Ends, space: Space, queue: str, number: int) -> bool:
    assert await records(ends, space, queue) == number
    return True


async def test_a_job_of_a_queue_that_is_no_setting_any_more_is_not_taken_for_lost(space, client, start_inside, ends):
    await submit(client, queue="low")
    await eventually(lambda: on_topic(ends, space, "low", 1))
    await start_inside(roles=("leader",), queues=("default",), **QUICK)
    for _ in range(2):
        mine = await lose(space)
        await eventually(lambda mine=mine: republished(space, mine), timeout=20)
        await read_to_the_end(ends, space, "default")
    assert await records(ends, space, "low") == 1, "it is owed, whoever comes to read it"


async def test_a_job_lost_in_a_queue_that_is_no_setting_any_more_is_found_if_it_was_served(
    space, client, start_inside, ends
):
    done = await submit(client, queue="low")
    await eventually(lambda: on_topic(ends, space, "low", 1))
    await space.execute("UPDATE jobs SET status = 'COMPLETED', rank = 2 WHERE id = $1", UUID(done["id"]))
    await read_to_the_end(ends, space, "low")
    job_id = await lose(space, "low")
    await start_inside(roles=("leader",), queues=("default",), **QUICK)
    await eventually(lambda: republished(space, job_id), timeout=20)
    await eventually(lambda: on_topic(ends, space, "low", 2))


@pytest.mark.parametrize("queues", [("default",), ("default", "high", "low")])
async def test_a_look_asks_once_whatever_the_number_of_queues(space, client, start_inside, monkeypatch, queues):
    asked: Counter[str] = Counter()

    class Counted(Ends):
        async def ends(self, topics):
            asked["ends"] += 1
            return await super().ends(topics)

        async def committed(self, group):
            asked["committed"] += 1
            return await super().committed(group)

    async def waiting_before(*args, real=lost.waiting_before, **fields):
        asked["waiting"] += 1
        return await real(*args, **fields)

    monkeypatch.setattr(reaper, "Ends", Counted)
    monkeypatch.setattr(lost, "waiting_before", waiting_before)
    await start_inside(roles=("leader",), queues=queues, **QUICK)
    await eventually(lambda: asked["waiting"] >= 3, timeout=20)
    # The first look only makes the marks.
    assert asked["committed"] - asked["ends"] in (0, 1), "a look may be under way"
    assert asked["ends"] - asked["waiting"] in (1, 2), "a look may be under way"


async def test_a_long_look_goes_by_pages(space, client, start_inside, monkeypatch):
    """Here from the job of a queue that nobody serves; also where a page holds less than the rows of one moment."""
    monkeypatch.setattr(reaper, "_PAGE_ROWS", 3)
    await space.execute(
        "INSERT INTO jobs (id, type, queue, payload, status, rank, created_at)"
        " SELECT gen_random_uuid(), 'example', 'default', '{}', 'COMPLETED', 2,"
        "        date_trunc('day', now()) - make_interval(days => 3, hours => n / 10)"
        " FROM generate_series(1, 60) AS n"
    )
    unread = await submit(client, queue="low")
    await space.execute(
        "UPDATE jobs SET created_at = created_at - interval '7 days', dispatched_at = dispatched_at - interval '7 days'"
        " WHERE id = $1",
        UUID(unread["id"]),
    )
    ids = [await lose(space) for _ in range(8)]
    await start_inside(roles=("leader",), **QUICK)
    await eventually(lambda: republished(space, *ids), timeout=20)
    assert not await republished(space, UUID(unread["id"]))


async def test_what_is_looked_at_is_bounded_by_moments_of_queues(space, client):
    mine, other, later = await lose(space), await lose(space, "low"), await lose(space, later=True)
    async with space.connection() as connection:
        now = await lost.now(connection)

        async def found(before: dict[str, datetime], **bounds) -> set[UUID]:
            ago = now - timedelta(days=1)
            fields = {"created_from": ago, "watched_from": ago, "rows": 100, "limit": 10} | bounds
            ids, reached = await lost.waiting_before(connection, before, **fields)
            assert reached == max(before.values())
            return {UUID(int=entry.int) for entry in ids}

        before = now - timedelta(hours=1)
        assert await found({"default": now, "low": now, "high": now}) == {mine, other, later}
        assert await found({"default": now, "low": before}) == {mine, later}
        assert await found({"default": before, "low": now}) == {other}
        assert await found({"high": now}) == set()
        assert await found({"default": now}, created_from=now) == {later}
        assert await found({"default": now}, watched_from=now) == {mine}
