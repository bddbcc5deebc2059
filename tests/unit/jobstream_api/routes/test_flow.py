"""/limits, /queues and pauses up to the store: what is refused, and where it says so."""

import pytest

GOOD = {"kind": "rate", "limit": 100, "period_s": 60, "types": ["example"]}


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"kind": "speed"}, "invalid_field", "/kind"),
        ({"kind": None}, "invalid_field", "/kind"),
        ({"limit": 0}, "invalid_field", "/limit"),
        ({"limit": -1}, "invalid_field", "/limit"),
        ({"limit": 2**53 - 1}, "invalid_field", "/limit"),
        ({"limit": 1.5}, "invalid_field", "/limit"),
        ({"limit": True}, "invalid_field", "/limit"),
        ({"limit": "5"}, "invalid_field", "/limit"),
        ({"period_s": 0}, "invalid_field", "/period_s"),
        ({"period_s": 0.01}, "invalid_field", "/period_s"),
        ({"period_s": 2.5e11}, "invalid_field", "/period_s"),
        ({"period_s": "9999-12-31T00:00:00Z"}, "invalid_field", "/period_s"),
        ({"burst": 0}, "invalid_field", "/burst"),
        ({"key": ""}, "invalid_field", "/key"),
        ({"key": "$.a[*]"}, "invalid_field", "/key"),
        ({"key": "$.." + "a" * 300}, "invalid_field", "/key"),
        ({"max_waiting": 0}, "invalid_field", "/max_waiting"),
        ({"types": "example"}, "invalid_field", "/types"),
        ({"types": ["With Space"]}, "invalid_field", "/types/0"),
        ({"types": ["example", "nobody"]}, "unknown_type", "/types/1"),
        ({"types": ["example"] * 1001}, "invalid_field", "/types"),
        ({"name": "other"}, "unknown_field", "/name"),
        ({"limits": 5}, "unknown_field", "/limits"),
    ],
)
async def test_refusals_of_a_limit_name_the_field(offline, change, code, field):
    client, _ = offline
    answer = await client.put("/limits/mail", json=GOOD | change)
    assert answer.status_code == 422, answer.text
    assert (answer.json()["code"], answer.json()["field"]) == (code, field)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"mode": "turbo"}, "/mode"),
        ({"mode": True}, "/mode"),
        ({"paused": None}, "/paused"),
        ({"paused": "yes"}, "/paused"),
        ({"fair_by": "$.a.*"}, "/fair_by"),
        ({"weights": {"acme": 0}}, "/weights/acme"),
        ({"weights": {"acme": -1}}, "/weights/acme"),
        ({"weights": {"acme": 1e9}}, "/weights/acme"),
        ({"weights": {"acme": "3"}}, "/weights/acme"),
        ({"weights": [1]}, "/weights"),
        ({"weights": {f"t{n}": 1 for n in range(1001)}}, "/weights"),
        ({"weights": None}, "/weights"),
        ({"priority": 1}, "/priority"),
    ],
)
async def test_refusals_of_a_queue_name_the_field(offline, body, field):
    client, _ = offline
    answer = await client.patch("/queues/default", json=body)
    assert (answer.status_code, answer.json()["field"]) == (422, field)


@pytest.mark.parametrize("body", [{}, {"paused": 1}, {"paused": None}, {"pause": True}])
async def test_refusals_of_a_type_name_the_field(offline, body):
    client, _ = offline
    answer = await client.patch("/job-types/example", json=body)
    assert (answer.status_code, answer.json()["field"]) == (422, "/pause" if "pause" in body else "/paused")


@pytest.mark.parametrize("raw", [b'{"limit": NaN}', b'{"limit": 1e999}', b'{"limit": 1, "limit": 2}', b"{", b""])
async def test_what_is_no_json_is_refused(offline, raw):
    client, _ = offline
    for method, path in (("PUT", "/limits/mail"), ("PATCH", "/queues/default"), ("PATCH", "/job-types/example")):
        answer = await client.request(method, path, content=raw)
        assert answer.status_code in (400, 422), (path, answer.text)


async def test_numbers_beyond_all_reason_are_refused(offline):
    client, _ = offline
    answer = await client.put("/limits/mail", content=b'{"kind": "rate", "limit": 9223372036854775808}')
    assert answer.status_code == 422


@pytest.mark.parametrize("path", ["/limits/UPPER", "/limits/a%20b", "/limits/" + "x" * 101, "/queues/UPPER"])
async def test_names_that_nothing_can_have(offline, path):
    client, _ = offline
    answer = await client.get(path)
    assert answer.status_code == 422
    assert answer.json()["field"] in ("/path/limit", "/path/queue")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/limits?name=a"),
        ("DELETE", "/limits/mail?force=1"),
        ("GET", "/queues?limit=1"),
        ("POST", "/queues/default/pause?for=5"),
        ("POST", "/job-types/example/resume?all=1"),
    ],
)
async def test_queries_are_strict(offline, method, path):
    client, _ = offline
    answer = await client.request(method, path)
    assert (answer.status_code, answer.json()["code"]) == (422, "unknown_parameter")


async def test_an_empty_change_of_a_queue_says_what_there_is_to_change(offline):
    client, _ = offline
    answer = await client.patch("/queues/default", json={})
    assert answer.status_code == 422
    assert "mode, paused, fair_by, weights" in answer.json()["detail"]


async def test_queues_and_types_that_are_not_there(offline):
    client, _ = offline
    queue = await client.post("/queues/nowhere/pause")
    assert (queue.status_code, queue.json()["code"]) == (404, "queue_not_found")
    assert "default, high, low" in queue.json()["detail"]
    job_type = await client.post("/job-types/nobody/pause")
    assert (job_type.status_code, job_type.json()["code"]) == (404, "job_type_not_found")
