"""Documents of limits over what handlers declare."""

import pytest

from jobstream.contracts.flow import Limit, LimitKind
from jobstream.errors import InvalidInput
from jobstream_api.services.flow_specs import QueueChanges, read_limit

RATE = Limit(name="mail", kind="rate", limit=100, period_s=60.0, burst=10, key="$.customer")
SLOTS = Limit(name="slots", kind="concurrency", limit=5, max_waiting=9)


def test_what_is_left_out_is_as_declared():
    rule, types = read_limit("mail", {"limit": 3}, RATE)
    assert rule == RATE.model_copy(update={"limit": 3})
    assert types == []


def test_null_takes_away_what_is_declared():
    rule, _ = read_limit("mail", {"limit": 3, "burst": None, "key": None}, RATE)
    assert (rule.burst, rule.key, rule.period_s) == (None, None, 60.0)


def test_another_kind_takes_over_nothing():
    rule, _ = read_limit("mail", {"kind": "concurrency", "limit": 4}, RATE)
    assert rule == Limit(name="mail", kind="concurrency", limit=4)
    with pytest.raises(InvalidInput) as caught:
        read_limit("mail", {"kind": "concurrency"}, RATE)
    assert caught.value.field == "/limit"


def test_a_declared_concurrency_may_be_set_with_one_number():
    rule, _ = read_limit("slots", {"limit": 7}, SLOTS)
    assert (rule.kind, rule.limit, rule.max_waiting) == (LimitKind.CONCURRENCY, 7, 9)


@pytest.mark.parametrize(("field", "value"), [("period_s", 5.0), ("burst", 3)])
def test_only_a_rate_has_a_period_and_a_burst(field, value):
    with pytest.raises(InvalidInput) as caught:
        read_limit("slots", {field: value}, SLOTS)
    assert caught.value.field == f"/{field}"


def test_a_limit_that_nobody_declares_names_its_types():
    with pytest.raises(InvalidInput) as caught:
        read_limit("own", {"kind": "rate", "limit": 1}, None)
    assert (caught.value.code, caught.value.field) == ("missing_field", "/types")
    rule, types = read_limit("own", {"kind": "rate", "limit": 1, "types": ["b", "a", "b"]}, None)
    assert (rule.name, rule.period_s, types) == ("own", 1.0, ["a", "b"])


def test_only_what_was_given_of_a_queue_changes():
    assert QueueChanges.read({"paused": True}).columns() == {"paused": True}
    assert QueueChanges.read({"mode": "managed"}).columns() == {"managed": True}
    assert QueueChanges.read({"mode": None, "fair_by": "tenant"}).columns() == {"managed": None, "fair_by": "$.tenant"}
