"""How clients ask about limits, queues and job types."""

import httpx2
import orjson
import pytest

from jobstream.client import JobTypeNotFound, LimitNotFound, NotFound, QueueNotFound, calls, flow


def test_names_are_quoted_so_that_they_cannot_lead_elsewhere():
    assert flow.get_limit("a/../jobs").path == "/limits/a%2F..%2Fjobs"
    assert flow.change_type("a b", {}).path == "/job-types/a%20b"


def test_bodies_hold_what_was_given():
    call = flow.set_limit("mail", {"limit": 5, "key": None})
    assert (call.method, call.path, orjson.loads(call.body)) == ("PUT", "/limits/mail", {"limit": 5, "key": None})
    assert orjson.loads(flow.change_queue("low", {"paused": True}).body) == {"paused": True}


def test_only_what_may_be_repeated_is_repeated():
    assert flow.set_limit("a", {}).repeatable
    assert not flow.remove_limit("a").repeatable


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("limit_not_found", LimitNotFound),
        ("limit_not_set", LimitNotFound),
        ("queue_not_found", QueueNotFound),
        ("job_type_not_found", JobTypeNotFound),
    ],
)
def test_what_is_not_there_has_errors_of_its_own(code, error):
    request = httpx2.Request("GET", "http://127.0.0.1:8000/limits/a")
    content = orjson.dumps({"status": 404, "code": code, "detail": "there is none"})
    with pytest.raises(error, match="there is none") as caught:
        calls.read(httpx2.Response(404, content=content, request=request))
    assert isinstance(caught.value, NotFound)
