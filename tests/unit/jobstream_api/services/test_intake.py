"""What the intake reads in a batch of records, and when."""

import asyncio
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from jobstream.contracts.headers import ORIGIN_HEADER
from jobstream_api.services.coverage import Coverage
from jobstream_api.services.ingest import READ_AT_ONCE
from tests.unit.jobstream_api.services.intakes import lone_intake

NOW_MS = 1_790_000_000_000


class StillClock:
    """Counts how often it is looked at."""

    def __init__(self) -> None:
        self.looks = 0

    def now(self) -> datetime:
        self.looks += 1
        return datetime.fromtimestamp(NOW_MS / 1000, UTC)

    def monotonic(self) -> float:
        return 0.0


def record(timestamp: int, offset: int, headers: tuple = ()):
    value = b'{"payload": {"task": "example"}, "delay_s": 1}'
    return SimpleNamespace(
        topic="jobs.created", partition=0, offset=offset, timestamp=timestamp, key=None, value=value, headers=headers
    )


async def test_a_record_stamped_in_the_future_is_a_dead_letter_and_its_neighbours_are_jobs():
    clock = StillClock()
    intake = lone_intake(clock=clock)
    found = await intake.read(
        [record(NOW_MS, 0), record(150_000_000_000_000, 1), record(0, 2, ((ORIGIN_HEADER, b"api"),)), record(NOW_MS, 3)]
    )
    assert [origin.offset for origin in found.origins] == [0, 3]
    assert [(letter.offset, letter.reason, letter.field) for letter in found.letters] == [(1, "future_timestamp", None)]
    assert "the record's timestamp is in the future" in found.letters[0].detail
    assert clock.looks == 1


@pytest.mark.parametrize(
    ("ages_s", "early"), [([0.0, 3.0], True), ([0.0, 6.0], False), ([-60.0], False)], ids=["new", "old", "ahead"]
)
async def test_records_wait_up_to_five_seconds_while_many_direct_jobs_end(ages_s: list[float], early: bool):
    coverage = Coverage()
    intake = lone_intake(clock=StillClock(), coverage=coverage)
    records: list[Any] = [record(NOW_MS - round(age * 1000), offset) for offset, age in enumerate(ages_s)]
    assert not intake.too_early(records)
    coverage.applied(1000, asyncio.get_running_loop().time())
    assert intake.too_early(records) is early
    assert not lone_intake(clock=StillClock(), coverage=coverage, awaited=True).too_early(records)


async def test_others_have_the_loop_while_many_records_are_read():
    reading = asyncio.create_task(lone_intake().read([record(NOW_MS, offset) for offset in range(5 * READ_AT_ONCE)]))
    turns = 0
    while not reading.done():
        await asyncio.sleep(0)
        turns += 1
    assert len((await reading).jobs) == 5 * READ_AT_ONCE
    assert turns >= 5


@pytest.mark.parametrize(
    ("records", "awaited", "seconds"), [(0, False, 0.0), (1, False, 0.05), (1000, False, 0.05), (1, True, 0.0)]
)
async def test_after_any_record_the_next_are_gathered_unless_a_job_cannot_start_before(records, awaited, seconds):
    assert lone_intake(awaited=awaited).gather_s(records) == seconds
