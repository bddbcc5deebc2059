"""How clients ask about schedules."""

import httpx2
import orjson
import pytest

from jobstream.client import ScheduleNotFound, calls, schedules


def test_names_are_quoted_so_that_they_cannot_lead_elsewhere():
    assert schedules.get("a/../../jobs").path == "/schedules/a%2F..%2F..%2Fjobs"
    assert schedules.trigger("nightly", "allow").params == {"overlap": "allow"}


def test_only_what_may_be_repeated_is_repeated():
    repeatable = [
        schedules.get("a"),
        schedules.list_all(10),
        schedules.change("a", {}),
        schedules.backfill("a", "b", "c"),
    ]
    once = [schedules.create({}), schedules.trigger("a"), schedules.remove("a")]
    assert [call.repeatable for call in [*repeatable, *once]] == [True] * 4 + [False] * 3


def test_bodies_hold_what_was_given():
    assert orjson.loads(schedules.backfill("a", "b", "c").body) == {"from": "b", "to": "c"}
    assert orjson.loads(schedules.backfill("a", "b", "c", "queue").body)["overlap"] == "queue"
    assert orjson.loads(schedules.change("a", {"paused": True}).body) == {"paused": True}


def test_an_answer_without_a_document_is_none():
    request = httpx2.Request("DELETE", "http://127.0.0.1:8000/schedules/a")
    assert calls.read(httpx2.Response(204, request=request)) is None


def test_a_schedule_that_is_not_there_has_an_error_of_its_own():
    problem = {"status": 404, "code": "schedule_not_found", "detail": "there is no schedule 'a'"}
    request = httpx2.Request("GET", "http://127.0.0.1:8000/schedules/a")
    with pytest.raises(ScheduleNotFound, match="no schedule 'a'"):
        calls.read(httpx2.Response(404, content=orjson.dumps(problem), request=request))
