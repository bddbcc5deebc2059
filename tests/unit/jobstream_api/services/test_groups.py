"""Group commit: no wait when idle, sharing under load, nobody lost."""

import asyncio

import pytest

from jobstream_api.domain.errors import Overloaded, StoreUnavailable
from jobstream_api.services.groups import IN_FLIGHT, GroupCommit


class Store:
    """A commit that takes until it is told to go on."""

    def __init__(self) -> None:
        self.groups: list[list[int]] = []
        self.gate = asyncio.Event()
        self.begun = asyncio.Condition()

    async def commit(self, entries):
        async with self.begun:
            self.groups.append(list(entries))
            self.begun.notify_all()
        await self.gate.wait()
        return [ValueError(f"bad {entry}") if entry < 0 else entry * 10 for entry in entries]

    async def began(self, count: int) -> None:
        async with asyncio.timeout(2), self.begun:
            await self.begun.wait_for(lambda: len(self.groups) >= count)


async def test_an_idle_group_starts_at_once_and_the_next_gathers():
    store = Store()
    group: GroupCommit[int, int] = GroupCommit(store.commit, most=100, waiting=1000)
    callers = [asyncio.create_task(group.add(1))]
    await store.began(1)
    callers.append(asyncio.create_task(group.add(2)))
    await store.began(2)
    callers += [asyncio.create_task(group.add(entry)) for entry in range(3, 20)]
    await asyncio.sleep(0)
    assert store.groups == [[1], [2]]
    assert IN_FLIGHT == 2
    store.gate.set()
    assert await asyncio.gather(*callers) == [entry * 10 for entry in range(1, 20)]
    assert store.groups[2] == list(range(3, 20))


async def test_what_arrives_in_one_turn_of_the_loop_shares_a_group():
    store = Store()
    store.gate.set()
    group: GroupCommit[int, int] = GroupCommit(store.commit, most=100, waiting=1000)
    await asyncio.gather(*(group.add(entry) for entry in range(10)))
    assert store.groups == [list(range(10))]


async def test_a_group_has_at_most_so_many():
    store = Store()
    store.gate.set()
    group: GroupCommit[int, int] = GroupCommit(store.commit, most=4, waiting=1000)
    await asyncio.gather(*(group.add(entry) for entry in range(10)))
    assert max(map(len, store.groups)) == 4
    assert sorted(entry for entries in store.groups for entry in entries) == list(range(10))


async def test_one_bad_entry_leaves_its_neighbours_alone():
    store = Store()
    store.gate.set()
    group: GroupCommit[int, int] = GroupCommit(store.commit, most=100, waiting=1000)
    results = await asyncio.gather(*(group.add(entry) for entry in (1, -2, 3)), return_exceptions=True)
    assert results[0] == 10
    assert isinstance(results[1], ValueError)
    assert results[2] == 30


async def test_a_caller_that_leaves_blocks_nobody_and_what_was_begun_is_stored():
    store = Store()
    group: GroupCommit[int, int] = GroupCommit(store.commit, most=100, waiting=1000)
    leaver = asyncio.create_task(group.add(1))
    await store.began(1)
    leaver.cancel()
    stayer = asyncio.create_task(group.add(2))
    await asyncio.sleep(0)
    store.gate.set()
    assert await stayer == 20
    assert store.groups[0] == [1]


async def test_a_caller_that_left_before_anything_was_begun_is_not_stored():
    store = Store()
    group: GroupCommit[int, int] = GroupCommit(store.commit, most=100, waiting=1000)
    busy = [asyncio.create_task(group.add(1))]
    await store.began(1)
    busy.append(asyncio.create_task(group.add(2)))
    await store.began(2)
    leaver = asyncio.create_task(group.add(3))
    await asyncio.sleep(0)
    leaver.cancel()
    stayer = asyncio.create_task(group.add(4))
    await asyncio.sleep(0)
    store.gate.set()
    assert await asyncio.gather(*busy, stayer) == [10, 20, 40]
    assert [3] not in store.groups
    assert store.groups[2] == [4]


async def test_too_many_waiting_are_refused_at_once():
    store = Store()
    group: GroupCommit[int, int] = GroupCommit(store.commit, most=1, waiting=2)
    callers = []
    for entry in range(IN_FLIGHT):
        callers.append(asyncio.create_task(group.add(entry)))
        await store.began(entry + 1)
    callers += [asyncio.create_task(group.add(entry)) for entry in (7, 8)]
    await asyncio.sleep(0)
    with pytest.raises(Overloaded):
        await group.add(9)
    store.gate.set()
    await asyncio.gather(*callers)


async def test_a_caller_waits_no_longer_than_the_deadline():
    store = Store()
    group: GroupCommit[int, int] = GroupCommit(store.commit, most=1, waiting=10, deadline_s=0.05)
    with pytest.raises(StoreUnavailable):
        await group.add(1)
    store.gate.set()
    await group.close(1.0)


async def test_a_commit_that_breaks_its_word_leaves_nobody_waiting():
    async def broken(entries):
        raise RuntimeError("bug")

    group: GroupCommit[int, int] = GroupCommit(broken, most=10, waiting=10)
    async with asyncio.timeout(2):
        results = await asyncio.gather(*(group.add(entry) for entry in range(3)), return_exceptions=True)
    assert [type(result) for result in results] == [RuntimeError] * 3
