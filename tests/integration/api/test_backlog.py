"""A backlog is taken in whole batches, the next being read while one is stored: nothing is skipped, whatever fails."""

import pytest

from jobstream_api.repositories import progress
from jobstream_api.repositories.progress import Overtaken
from jobstream_api.services.ingest import MAX_BATCH
from tests.support.eventually import eventually

JOBS = 5 * MAX_BATCH


@pytest.fixture
def stumble(monkeypatch):
    """Lets the storing of offsets fail with ``error`` the times that are listed; returns the count of calls."""

    def arrange(error: Exception, *times: int) -> list[int]:
        calls: list[int] = []
        store = progress.store

        async def stumbling(connection, consumer, steps):
            calls.append(sum(step.next_offset - (step.expected.next_offset if step.expected else 0) for step in steps))
            if len(calls) in times:
                raise error
            await store(connection, consumer, steps)

        monkeypatch.setattr(progress, "store", stumbling)
        return calls

    return arrange


@pytest.mark.parametrize(
    "error", [Overtaken("as if another had the partition"), ConnectionResetError("as if the server were gone")]
)
async def test_a_batch_that_could_not_be_stored_comes_before_what_was_read_after_it(
    space, start_inside, stumble, error
):
    calls = stumble(error, 2, 4)
    await space.produce([{"payload": {"task": "example", "n": n}} for n in range(JOBS)])
    await start_inside(roles=("intake",))

    async def taken_in():
        [row] = await space.fetch("SELECT count(*) AS jobs FROM jobs")
        return row["jobs"] >= JOBS

    await eventually(taken_in, timeout=60)
    rows = await space.fetch("SELECT DISTINCT payload->>'n' AS n FROM jobs")
    assert len(rows) == JOBS
    assert len(calls) > 4
    assert calls.count(MAX_BATCH) >= 3, "whole batches were read ahead"
    assert await space.fetch("SELECT * FROM dead_letters") == []
