from datetime import UTC, datetime, timedelta
from uuid import UUID

from jobstream.ids import id_floor
from jobstream_api.services.outbox_floor import OutboxFloor

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)


def test_it_stays_below_what_is_there_and_below_what_may_still_be_committed():
    floor = OutboxFloor()
    assert floor.id == UUID(int=0)
    floor.rise(None, NOW)
    assert id_floor(NOW - timedelta(seconds=61)) < floor.id < id_floor(NOW - timedelta(seconds=59))
    old = id_floor(NOW - timedelta(hours=1))
    floor.rise(old, NOW)
    assert id_floor(NOW - timedelta(hours=1, seconds=1)) < floor.id < old
    floor.rise(id_floor(NOW), NOW)
    assert floor.id < id_floor(NOW - timedelta(seconds=59))
    floor.fall()
    assert floor.id == UUID(int=0)
