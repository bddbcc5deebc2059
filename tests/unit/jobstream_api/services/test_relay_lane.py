"""In which order a lane of the relay gives its rows out."""

from datetime import UTC, datetime

from jobstream_api.infrastructure.ids import new_id
from jobstream_api.repositories.outbox import OutboxRow
from jobstream_api.services.relay import _Lane

AT = datetime(2026, 1, 1, tzinfo=UTC)


def rows(count: int, value: bytes = b"{}") -> list[OutboxRow]:
    return [OutboxRow(new_id(), None, "t", b"k", [], value, AT) for _ in range(count)]


def test_rows_come_in_order_a_bounded_number_at_a_time():
    lane, given = _Lane(), rows(2_300)
    lane.rows.extend(given)
    taken = []
    while (some := lane.next()) != ([], False):
        assert len(some[0]) <= 1_000
        taken += some[0]
    assert taken == given


def test_large_rows_come_a_few_at_a_time():
    lane = _Lane()
    lane.rows.extend(rows(40, bytes(250_000)))
    assert 1 < len(lane.next()[0]) < 20


def test_what_failed_goes_before_what_came_later_in_its_old_order():
    lane, given = _Lane(), rows(6)
    lane.rows.extend(given[4:])
    lane.again += [given[2], given[3], given[0], given[1]]  # batches of two partitions, as they failed
    assert lane.next() == (given, False)


def test_rows_of_a_refused_batch_go_alone():
    lane, given = _Lane(), rows(30)
    lane.alone += given[:25]
    lane.rows.extend(given[25:])
    assert lane.next() == (given[:20], True)
    assert lane.next() == (given[20:25], True)
    assert lane.next() == (given[25:], False)
