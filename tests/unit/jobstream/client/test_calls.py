"""How clients ask, and what they make of answers."""

import random
from uuid import UUID

import httpx2
import orjson
import pytest

from jobstream.client import calls
from jobstream.client.errors import ApiError, ApiUnavailable, JobNotFound

JOB_ID = "01985e0c-6a80-7c3e-9d2b-4f1a5b6c7d8e"


def answer(status: int, body: object = None, headers: dict[str, str] | None = None) -> httpx2.Response:
    raw = body if isinstance(body, bytes) else orjson.dumps(body)
    request = httpx2.Request("GET", "http://127.0.0.1:8000/jobs")
    return httpx2.Response(status, content=raw, headers=headers, request=request)


def test_a_submit_always_carries_a_key_so_that_it_may_be_repeated():
    one, two = (calls.submit({"payload": {}}, None) for _ in range(2))
    assert one.repeatable
    assert one.headers["idempotency-key"] != two.headers["idempotency-key"]
    assert calls.submit({"payload": {}}, "order-1").headers["idempotency-key"] == "order-1"


def test_options_that_are_none_are_left_out():
    assert calls.job_fields({"a": 1}, {"type": "x", "key": None}) == {"payload": {"a": 1}, "type": "x"}


def test_waiting_adds_to_the_patience():
    call = calls.get(UUID(JOB_ID), 20)
    assert (call.path, call.params, call.patience_s) == (f"/jobs/{JOB_ID}", {"wait": "20"}, 20)
    assert calls.get(JOB_ID).params == {}


@pytest.mark.parametrize("job_id", ["", "42", "../workers"])
def test_what_is_no_id_is_not_even_sent(job_id):
    with pytest.raises(JobNotFound):
        calls.get(job_id)


def test_a_problem_becomes_an_error_with_its_field():
    problem = {"status": 422, "code": "unknown_type", "detail": "no worker has it", "field": "/type"}
    with pytest.raises(ApiError, match="/type: no worker has it") as caught:
        calls.read(answer(422, problem))
    assert (caught.value.status, caught.value.code, caught.value.field) == (422, "unknown_type", "/type")


def test_a_missing_job_has_an_error_of_its_own():
    with pytest.raises(JobNotFound):
        calls.read(answer(404, {"code": "job_not_found", "detail": "none"}))


def test_a_batch_of_which_nothing_was_taken_is_still_a_list_of_verdicts():
    assert calls.read(answer(422, {"items": [{"status": 422}]})) == {"items": [{"status": 422}]}


def test_an_answer_that_is_no_json_is_not_the_apis():
    with pytest.raises(ApiUnavailable, match="is this the api's address"):
        calls.read(answer(502, b"<html>bad gateway</html>"))


RNG = random.Random(1)


def test_no_answer_is_asked_for_again_a_few_times():
    call = calls.get(JOB_ID)
    pauses = [calls.pause_before_retry(call, attempt, None, RNG) for attempt in range(1, calls.TRIES + 1)]
    assert all(pause is not None for pause in pauses[:-1])
    assert pauses[-1] is None


def test_an_operators_retry_is_never_repeated():
    assert calls.pause_before_retry(calls.retry(JOB_ID), 1, None, RNG) is None


def test_the_servers_wish_is_honoured_within_reason():
    call = calls.get(JOB_ID)
    assert calls.pause_before_retry(call, 1, answer(503, {}, {"retry-after": "2"}), RNG) == 2.0
    pause = calls.pause_before_retry(call, 1, answer(503, {}, {"retry-after": "86400"}), RNG)
    assert pause is not None
    assert pause <= 0.2


@pytest.mark.parametrize("status", [200, 201, 400, 404, 409, 422, 500])
def test_other_answers_stand(status):
    assert calls.pause_before_retry(calls.get(JOB_ID), 1, answer(status, {}), RNG) is None


def test_cancelling_one_may_be_repeated_and_cancelling_many_only_as_a_count():
    one = calls.cancel(JOB_ID, "ordered twice")
    assert (one.path, one.body, one.repeatable) == (f"/jobs/{JOB_ID}/cancel", b'{"reason":"ordered twice"}', True)
    assert calls.cancel(JOB_ID, None).body == b"{}"
    many = calls.cancel_where({"tag": "import", "key": None}, reason=None, dry_run=False)
    assert (many.path, many.body, many.repeatable) == ("/jobs/cancel", b'{"tag":"import","dry_run":false}', False)
    assert calls.cancel_where({"tag": "import"}, reason=None, dry_run=True).repeatable


def test_a_job_is_moved_by_what_is_given():
    call = calls.reschedule(JOB_ID, run_at=None, delay_s=0.0, priority=None)
    assert (call.method, call.path, call.body) == ("PATCH", f"/jobs/{JOB_ID}", b'{"delay_s":0.0}')
    assert not call.repeatable
