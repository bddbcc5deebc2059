"""/schedules up to the store: what is refused, and where it says so."""

import pytest

GOOD = {"name": "nightly", "cron": "30 2 * * *", "timezone": "Europe/Berlin", "job": {"payload": {"task": "example"}}}


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"name": None}, "invalid_field", "/name"),
        ({"name": "With Spaces"}, "invalid_field", "/name"),
        ({"name": "x" * 81}, "invalid_field", "/name"),
        ({"name": "01985e0c-6a80-7c3e-9d2b-4f1a5b6c7d8e"}, "invalid_field", "/name"),
        ({"cron": "61 * * * *"}, "invalid_cron", "/cron"),
        ({"cron": "0 0 30 2 *"}, "invalid_cron", "/cron"),
        ({"cron": 5}, "invalid_field", "/cron"),
        ({"timezone": "Berlin"}, "invalid_timezone", "/timezone"),
        ({"overlap": "sometimes"}, "invalid_field", "/overlap"),
        ({"missed": True}, "invalid_field", "/missed"),
        ({"missed_window_s": 0}, "invalid_field", "/missed_window_s"),
        ({"missed_window_s": 1e12}, "invalid_field", "/missed_window_s"),
        ({"paused": "yes"}, "invalid_field", "/paused"),
        ({"croon": "* * * * *"}, "unknown_field", "/croon"),
        ({"job": []}, "invalid_field", "/job"),
        ({"job": {}}, "missing_field", "/job/payload"),
        ({"job": {"payload": {"task": "nobody"}}}, "unknown_type", "/job/payload/task"),
        ({"job": {"type": "nobody", "payload": {}}}, "unknown_type", "/job/type"),
        ({"job": {"type": "email", "payload": {"to": 7}}}, "invalid_payload", "/job/payload/to"),
        ({"job": {"payload": {"task": "example"}, "queue": "slow"}}, "unknown_queue", "/job/queue"),
        ({"job": {"payload": {"task": "example"}, "max_retries": -1}}, "invalid_field", "/job/max_retries"),
        ({"job": {"payload": {"task": "example"}, "run_at": "2026-12-24T18:00:00Z"}}, "invalid_field", "/job/run_at"),
        ({"job": {"payload": {"task": "example"}, "delay_s": 5}}, "invalid_field", "/job/delay_s"),
        ({"job": {"payload": {"task": "example"}, "tags": ["a", ""]}}, "invalid_field", "/job/tags/1"),
        ({"job": {"payload": {"task": "example"}, "tags": ["a"] * 19}}, "invalid_field", "/job/tags"),
        ({"job": {"payload": {"task": "example"}, "tags": 7}}, "invalid_field", "/job/tags"),
    ],
)
async def test_refusals_name_the_field(offline, change, code, field):
    client, _ = offline
    answer = await client.post("/schedules", json=GOOD | change)
    assert answer.status_code == 422, answer.text
    assert (answer.json()["code"], answer.json()["field"]) == (code, field)


@pytest.mark.parametrize("name", ["name", "cron", "job"])
async def test_what_must_be_there(offline, name):
    client, _ = offline
    answer = await client.post("/schedules", json={key: value for key, value in GOOD.items() if key != name})
    assert (answer.status_code, answer.json()["code"], answer.json()["field"]) == (422, "missing_field", f"/{name}")


async def test_a_payload_that_no_submit_may_have_is_413(offline):
    client, _ = offline
    job = {"payload": {"task": "example", "text": "x" * 300_000}}
    answer = await client.post("/schedules", json=GOOD | {"job": job})
    assert (answer.status_code, answer.json()["field"]) == (413, "/job/payload")


@pytest.mark.parametrize("body", [b"", b"[]", b"7", b'{"name": "a", "name": "b"}'])
async def test_what_is_no_object_is_refused(offline, body):
    client, _ = offline
    assert (await client.post("/schedules", content=body)).status_code in (400, 422)
    assert (await client.patch("/schedules/nightly", content=body)).status_code in (400, 422)


@pytest.mark.parametrize("name", ["with space", "a%00b", "x" * 101, "ä"])
async def test_a_name_that_no_schedule_can_have(offline, name):
    client, _ = offline
    answer = await client.get(f"/schedules/{name}")
    assert (answer.status_code, answer.json()["field"]) == (422, "/path/schedule")


@pytest.mark.parametrize(
    ("method", "path", "field"),
    [
        ("POST", "/schedules?dry=1", "/query/dry"),
        ("GET", "/schedules?tag=a", "/query/tag"),
        ("GET", "/schedules?cursor=nonsense", "/query/cursor"),
        ("GET", "/schedules/nightly/fires?count=0", "/query/count"),
        ("GET", "/schedules/nightly/fires?count=101", "/query/count"),
        ("POST", "/schedules/nightly/trigger?overlap=maybe", "/query/overlap"),
        ("DELETE", "/schedules/nightly?force=1", "/query/force"),
    ],
)
async def test_queries_are_strict(offline, method, path, field):
    client, _ = offline
    answer = await client.request(method, path, json=GOOD if method == "POST" else None)
    assert (answer.status_code, answer.json()["field"]) == (422, field)


async def test_a_good_one_gets_as_far_as_the_database(offline):
    client, _ = offline
    answer = await client.post("/schedules", json=GOOD)
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")


async def test_methods_are_told(offline):
    client, _ = offline
    answer = await client.put("/schedules/nightly", json=GOOD)
    assert (answer.status_code, answer.headers["allow"]) == (405, "DELETE, GET, PATCH")
