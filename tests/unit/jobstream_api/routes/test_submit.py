"""POST /jobs and POST /jobs/batch, up to the store."""

import pytest

from jobstream.contracts.limits import MAX_BATCH_JOBS

SEED = b'{"payload": {"task": "example", "value": 42}}'


async def test_the_seed_document_is_taken_as_it_stands(offline):
    client, placer = offline
    answer = await client.post("/jobs", content=SEED)
    assert answer.status_code == 201
    job = answer.json()
    assert answer.headers["location"] == f"/jobs/{job['id']}"
    seed = {name: job[name] for name in ("status", "retries", "result", "last_error", "type", "payload", "queue")}
    assert seed == {
        "status": "PENDING",
        "retries": 0,
        "result": None,
        "last_error": None,
        "type": "example",
        "payload": {"task": "example", "value": 42},
        "queue": "default",
    }
    assert len(placer.orders) == 1


async def test_max_retries_is_the_types_unless_the_job_says(offline):
    client, _ = offline
    theirs = await client.post("/jobs", json={"type": "email", "payload": {"to": "a"}})
    own = await client.post("/jobs", json={"type": "email", "payload": {"to": "a"}, "max_retries": 0})
    assert (theirs.json()["max_retries"], own.json()["max_retries"]) == (5, 0)


@pytest.mark.parametrize(
    ("document", "code", "field"),
    [
        ({"payload": {"task": "nobody"}}, "unknown_type", "/payload/task"),
        ({"payload": {}, "type": "nobody"}, "unknown_type", "/type"),
        ({"payload": {"task": "example"}, "queue": "slow"}, "unknown_queue", "/queue"),
        ({"payload": {}, "type": "email"}, "invalid_payload", "/payload/to"),
        ({"payload": {"to": "a", "sizes": [1, "x"]}, "type": "email"}, "invalid_payload", "/payload/sizes/1"),
        ({"payload": {"task": "example"}, "run_at": "2099-01-01T00:00:00Z"}, "invalid_field", "/run_at"),
        ({"payload": {"task": "example"}, "tags": ["a", ""]}, "invalid_field", "/tags/1"),
        ({"payload": {"task": "example"}, "unique": {"windows_s": 60}}, "unknown_field", "/unique/windows_s"),
        ({"payload": {"task": "example"}, "unique": {"on/Conflict": 1}}, "unknown_field", "/unique/on~1Conflict"),
    ],
)
async def test_refusals_name_the_field(offline, document, code, field):
    client, placer = offline
    answer = await client.post("/jobs", json=document)
    assert answer.status_code == 422
    assert (answer.json()["code"], answer.json()["field"]) == (code, field)
    assert placer.orders == []


async def test_a_misspelt_member_of_unique_is_told_the_known_ones_and_other_unknown_fields_are_ignored(offline):
    client, _ = offline
    answer = await client.post("/jobs", json={"payload": {"task": "example"}, "unique": {"fields": ["$.order_id"]}})
    assert "by, window_s, states, on_conflict" in answer.json()["detail"]
    assert (await client.post("/jobs", json={"payload": {"task": "example"}, "uniqe": {}})).status_code == 201


async def test_an_unknown_type_is_told_the_known_ones(offline):
    client, _ = offline
    answer = await client.post("/jobs", json={"payload": {"task": "exmaple"}})
    assert "email, example" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"content-type": "application/json; charset=utf-8"}, 201),
        ({"content-type": "application/x-www-form-urlencoded"}, 201),
        ({"content-type": "application/vnd.job+json"}, 201),
        ({"content-encoding": "identity"}, 201),
        ({"sec-fetch-site": "same-origin"}, 201),
        ({"content-type": "multipart/form-data; boundary=x"}, 415),
        ({"content-type": "text/plain"}, 415),
        ({"content-type": "application/json; charset=utf-16"}, 415),
        ({"content-encoding": "gzip"}, 415),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
    ],
)
async def test_what_headers_may_say(offline, headers, status):
    client, placer = offline
    answer = await client.post("/jobs", content=SEED, headers=headers)
    assert answer.status_code == status
    assert len(placer.orders) == (status == 201)


@pytest.mark.parametrize("key", ["", " ", "a" * 256, "a\x7f", "\u00e9".encode("latin-1")])
async def test_an_idempotency_key_that_is_none(offline, key):
    client, placer = offline
    answer = await client.post("/jobs", content=SEED, headers={"Idempotency-Key": key})
    assert answer.status_code == 422
    assert answer.json()["field"] == "/header/Idempotency-Key"
    assert placer.orders == []


async def test_a_batch_has_a_verdict_per_job_in_order(offline):
    client, placer = offline
    jobs = [{"payload": {"task": name, "n": n}} for n, name in enumerate(["example", "nobody", "example"])]
    answer = await client.post("/jobs/batch", json={"jobs": jobs})
    assert answer.status_code == 207
    items = answer.json()["items"]
    assert [item["status"] for item in items] == [201, 422, 201]
    assert [items[n]["job"]["payload"]["n"] for n in (0, 2)] == [0, 2]
    assert items[1]["error"]["code"] == "unknown_type"
    [order] = placer.orders
    assert len(order.drafts) == 2


@pytest.mark.parametrize(("tasks", "status"), [(["example"] * 2, 201), (["nobody"] * 2, 422)])
async def test_a_batch_of_one_kind_has_one_status(offline, tasks, status):
    client, _ = offline
    answer = await client.post("/jobs/batch", json={"jobs": [{"payload": {"task": task}} for task in tasks]})
    assert answer.status_code == status
    assert len(answer.json()["items"]) == 2


@pytest.mark.parametrize("jobs", [None, {}, 7, [], [{}] * (MAX_BATCH_JOBS + 1)])
async def test_what_is_no_batch(offline, jobs):
    client, placer = offline
    answer = await client.post("/jobs/batch", json={"jobs": jobs})
    assert (answer.status_code, answer.json()["field"]) == (422, "/jobs")
    assert placer.orders == []


async def test_a_large_batch_is_read_aside(offline):
    client, placer = offline
    jobs = [{"payload": {"task": "example", "text": "x" * 100}} for _ in range(3000)]
    answer = await client.post("/jobs/batch", json={"jobs": jobs})
    assert answer.status_code == 201
    assert len(placer.orders[0].drafts) == 3000
