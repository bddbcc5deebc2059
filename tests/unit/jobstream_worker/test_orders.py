"""Which cancellations a worker remembers."""

from datetime import UTC, datetime
from typing import Any

from jobstream.contracts.control import CancelOrder
from jobstream.ids import new_id
from jobstream_worker.orders import NO_REASON, Orders


def order(**fields: Any) -> CancelOrder:
    return CancelOrder(**{"id": new_id(), "dispatch": 1, "at": datetime.now(UTC)} | fields)


def test_an_order_means_its_dispatch_and_earlier_ones_and_no_later_one():
    orders, told = Orders(), order(dispatch=2, reason="no stock")
    assert not orders.any
    orders.remember(told)
    assert orders.any
    assert [orders.against((told.id.int, 1, dispatch)) for dispatch in (1, 2, 3)] == ["no stock", "no stock", None]
    assert orders.against((new_id().int, 1, 1)) is None


def test_an_order_that_is_read_again_takes_nothing_back():
    orders, told = Orders(), order(dispatch=3)
    orders.remember(told)
    orders.remember(told.model_copy(update={"dispatch": 1, "reason": "older"}))
    assert orders.against((told.id.int, 1, 3)) == NO_REASON


def test_the_newest_are_remembered_and_no_more_than_twice_as_many():
    orders = Orders(remembered=3)
    given = [order() for _ in range(10)]
    for each in given:
        orders.remember(each)
    known = [each for each in given if orders.against((each.id.int, 1, 1)) is not None]
    assert known == given[-len(known) :]
    assert 3 <= len(known) <= 6
