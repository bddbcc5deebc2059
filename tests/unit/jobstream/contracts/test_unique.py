import pytest
from pydantic import ValidationError

from jobstream.client.calls import submit
from jobstream.contracts.events import TypeAnnouncement
from jobstream.contracts.status import JobStatus
from jobstream.contracts.unique import Unique
from jobstream.errors import InvalidInput

PAYLOAD = {"order": {"id": 7, "lines": [{"sku": "a"}]}, "note": None}


def hashed(by, payload=PAYLOAD, **fields):
    asked = {"type": "t", "queue": "default", "key": None} | fields
    return Unique(by=by).hash_of(payload=payload, **asked)


def test_by_default_type_and_the_whole_payload_count():
    assert Unique().by == ["type", "$"]
    assert hashed(["$", "type"]) == Unique().hash_of(
        type="t", queue="q", key="k", payload=dict(reversed(PAYLOAD.items()))
    )
    assert hashed(["type", "$"]) != hashed(["type", "$"], PAYLOAD | {"note": 1})
    assert hashed(["type", "$"]) != hashed(["type", "$"], type="u")


def test_exactly_what_is_named_counts():
    by = ["type", "$.order.id", "$.order.lines[0].sku"]
    assert hashed(by) == hashed(by[::-1], PAYLOAD | {"note": "other"}, queue="q", key="k")
    assert hashed(by) != hashed(by, {"order": {"id": "7", "lines": [{"sku": "a"}]}})
    assert hashed(["type"]) == hashed(["type"], {})
    assert hashed(["$.note"]) == hashed(["$.note"], type="u")
    assert hashed(["$.note"]) != hashed(["$.order"])


@pytest.mark.parametrize(
    ("by", "field"),
    [(["$.order.total"], "/payload/order/total"), (["$.order.lines[1]"], "/payload/order/lines/1"), (["key"], "/key")],
)
def test_what_is_named_must_be_there(by, field):
    with pytest.raises(InvalidInput) as caught:
        hashed(by)
    assert (caught.value.code, caught.value.field) == ("missing_field", field)


@pytest.mark.parametrize("part", ["payload", "order.id", "$.", "$..id", "$[*]", "", "Type"])
def test_a_part_that_is_none_is_refused(part):
    with pytest.raises(ValidationError, match=r"must be type, queue, key"):
        Unique(by=[part])


@pytest.mark.parametrize("misspelt", ["windows_s", "fields", "onConflict"])
def test_a_member_that_it_does_not_have_is_an_error_at_the_handler(misspelt):
    with pytest.raises(ValidationError, match=misspelt):
        Unique(by=["type"], **{misspelt: 60})


def test_an_announcement_of_a_newer_worker_is_read_as_far_as_it_is_known():
    unique = {"by": ["type"], "window_s": 60.0, "later": True}
    announced = TypeAnnouncement.read({"type": "t", "unique": unique, "at": "2026-01-01T00:00:00Z"})
    assert announced.unique == Unique(by=["type"], window_s=60)


def test_which_states_count():
    under_way = {JobStatus.PENDING, JobStatus.RUNNING, JobStatus.RETRYING}
    assert Unique().counted() == under_way
    assert Unique(window_s=60).counted() == under_way | {JobStatus.COMPLETED}
    assert Unique(window_s=60, states=["FAILED"]).counted() == {JobStatus.FAILED}


def test_a_client_sends_what_was_given():
    call = submit({"payload": {}, "unique": Unique(by=["type"], window_s=5)}, None)
    assert call.body == b'{"payload":{},"unique":{"by":["type"],"window_s":5.0}}'
