"""Weeks of ids."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from jobstream.ids import id_floor
from jobstream_api.infrastructure.partitions import bounds_of, end_of, week_of

LOWEST, HIGHEST = UUID(int=0), UUID(int=(1 << 128) - 1)


@pytest.mark.parametrize("at", [datetime(2026, 11, 30, tzinfo=UTC), datetime(2026, 12, 6, 23, 59, tzinfo=UTC)])
def test_ids_of_one_week_have_the_bounds_of_its_partition(at: datetime):
    week = week_of(at)
    low, high = bounds_of(id_floor(at), id_floor(at))
    assert low == id_floor(week)
    assert high.int + 1 == id_floor(end_of(week)).int


def test_ids_of_two_weeks_have_the_bounds_of_both():
    first, last = datetime(2026, 12, 2, tzinfo=UTC), datetime(2026, 12, 24, tzinfo=UTC)
    low, high = bounds_of(id_floor(first), id_floor(last))
    assert (low, high.int + 1) == (id_floor(week_of(first)), id_floor(week_of(last) + timedelta(weeks=1)).int)


@pytest.mark.parametrize("ids", [(LOWEST, LOWEST), (LOWEST, HIGHEST), (HIGHEST, HIGHEST)])
def test_ids_that_are_of_no_time_lie_within_their_bounds(ids: tuple[UUID, UUID]):
    low, high = bounds_of(*ids)
    assert low <= ids[0]
    assert ids[1] <= high
