"""Every error is a problem, and none tells of the inside."""

import httpx2
import pytest

from jobstream.errors import JobstreamError
from jobstream_api.domain import errors
from jobstream_api.routes.problems import STATUS_OF_CODE, STATUS_OF_ERROR, TITLES, problem_of
from tests.support.offline import offline_app

BEFORE_THE_CALENDAR = "WyIwMDAxLTAxLTAxVDAwOjAwOjAwKzIzOjU5IiwiMDAwMDAwMDAtMDAwMC0wMDAwLTAwMDAtMDAwMDAwMDAwMDAxIl0"
"""A cursor that says 0001-01-01T00:00:00+23:59."""


@pytest.mark.parametrize(
    ("method", "path", "status", "code", "field"),
    [
        ("GET", "/nothing", 404, "not_found", None),
        ("GET", "/jobs/", 404, "not_found", None),
        ("DELETE", "/jobs", 405, "method_not_allowed", None),
        ("GET", "/jobs/7", 422, "invalid_parameter", "/path/job_id"),
        ("GET", "/jobs/%00", 422, "invalid_parameter", "/path/job_id"),
        ("GET", "/jobs/%FF%FE", 422, "invalid_parameter", "/path/job_id"),
        ("GET", "/jobs?staus=FAILED", 422, "unknown_parameter", "/query/staus"),
        ("GET", "/jobs?%00=1", 422, "unknown_parameter", "/query/\0"),
        ("GET", "/jobs?status=PENDING&status=RUNNING", 422, "repeated_parameter", "/query/status"),
        ("GET", "/jobs?tag=a&limit=1&tag=a", 422, "repeated_parameter", "/query/tag"),
        ("GET", "/jobs?tag=a&tag=b&x=1&x=2", 422, "repeated_parameter", "/query/tag"),
        ("GET", "/jobs?x=1&x=2", 422, "unknown_parameter", "/query/x"),
        ("GET", "/jobs?status=DONE", 422, "invalid_parameter", "/query/status"),
        ("GET", "/jobs?limit=0", 422, "invalid_parameter", "/query/limit"),
        ("GET", "/jobs?limit=201", 422, "invalid_parameter", "/query/limit"),
        ("GET", "/jobs?limit=1e9", 422, "invalid_parameter", "/query/limit"),
        ("GET", "/jobs?key=%00", 422, "invalid_string", "/query/key"),
        ("GET", "/jobs?tag=a%00", 422, "invalid_string", "/query/tag"),
        ("GET", "/jobs?type=%00", 422, "invalid_parameter", "/query/type"),
        ("GET", "/jobs?cursor=%00", 422, "invalid_string", "/query/cursor"),
        ("GET", "/jobs?cursor=abc", 422, "invalid_cursor", "/query/cursor"),
        ("GET", f"/jobs?cursor={BEFORE_THE_CALENDAR}", 422, "invalid_cursor", "/query/cursor"),
        ("GET", f"/schedules?cursor={BEFORE_THE_CALENDAR}", 422, "invalid_cursor", "/query/cursor"),
        ("GET", "/jobs?created_after=yesterday", 422, "invalid_parameter", "/query/created_after"),
        ("GET", "/jobs?created_after=2026-01-01T00:00:00", 422, "invalid_parameter", "/query/created_after"),
        ("GET", "/dead-letters?cursor=%C3%A9", 422, "invalid_cursor", "/query/cursor"),
        ("GET", "/workers?x=1", 422, "unknown_parameter", "/query/x"),
        ("GET", "/jobs/01985e0c-6a80-7c3e-9d2b-4f1a5b6c7d8e?wait=nan", 422, "invalid_parameter", "/query/wait"),
        ("GET", "/jobs/01985e0c-6a80-7c3e-9d2b-4f1a5b6c7d8e?wait=-1", 422, "invalid_parameter", "/query/wait"),
        ("GET", "/jobs/01985e0c-6a80-7c3e-9d2b-4f1a5b6c7d8e?wait=61", 422, "invalid_parameter", "/query/wait"),
        ("POST", "/jobs/7/retry", 422, "invalid_parameter", "/path/job_id"),
        ("POST", "/jobs?wait=1", 422, "unknown_parameter", "/query/wait"),
    ],
)
async def test_errors_are_problems(offline, method, path, status, code, field):
    client, _ = offline
    answer = await client.request(method, path)
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert (answer.status_code, problem["status"], problem["code"]) == (status, status, code)
    assert problem.get("field") == field
    assert problem["title"] == TITLES[status]
    assert problem["type"] == f"urn:jobstream:problem:{code}"
    assert problem["detail"]
    assert problem["instance"].startswith("/")


async def test_a_parameter_given_twice_is_named_with_what_to_do(offline):
    client, _ = offline
    answer = await client.get("/jobs?status=PENDING&status=RUNNING")
    assert answer.json()["detail"] == "the query parameter 'status' is given more than once; give it once"


async def test_405_names_every_method(offline):
    client, _ = offline
    answer = await client.put("/jobs")
    assert answer.headers["allow"] == "GET, POST"


async def test_without_a_database_reads_are_503_with_retry_after(offline):
    client, _ = offline
    # The pool was never opened here: as good as a server that is away.
    answer = await client.get("/workers")
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0
    assert "postgres" not in answer.text


async def test_a_crash_tells_nothing_of_the_inside():
    app, _ = offline_app()
    del app.state.parts
    transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url="http://api") as client:
        answer = await client.get("/workers")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert "parts" not in answer.text


def test_every_domain_error_has_its_status():
    mine = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, JobstreamError)]
    assert {kind for kind in mine if kind is not JobstreamError} == set(STATUS_OF_ERROR)


def test_every_status_has_its_title():
    statuses = {status for status, _ in STATUS_OF_ERROR.values()} | set(STATUS_OF_CODE.values())
    assert statuses <= set(TITLES)


def test_an_unlisted_error_is_a_500_without_its_text():
    document = problem_of(JobstreamError("secret detail"))
    assert document["status"] == 500
    assert "secret" not in document["detail"]
