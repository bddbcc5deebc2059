"""Every kind of bad input gets a 4xx problem that names the field, and stores nothing."""

import pytest

from tests.support.poison import POISON, Poison

OVER_HTTP = [poison for poison in POISON if poison.http]


@pytest.mark.parametrize("poison", OVER_HTTP, ids=lambda poison: poison.name)
async def test_poison_is_refused(offline, poison: Poison):
    client, placer = offline
    answer = await client.post("/jobs", content=poison.body)
    assert 400 <= answer.status_code < 500
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["code"] == poison.code
    assert problem["status"] == answer.status_code
    assert isinstance(problem["field"], str)
    assert placer.orders == []


@pytest.mark.parametrize("poison", OVER_HTTP, ids=lambda poison: poison.name)
async def test_poison_beside_a_good_job_of_a_batch(offline, poison: Poison):
    client, placer = offline
    good = b'{"payload": {"task": "example"}}'
    answer = await client.post("/jobs/batch", content=b'{"jobs": [' + good + b", " + (poison.body or b"") + b"]}")
    if answer.status_code == 207:  # a document that can be read: the good job is stored
        taken, refused = answer.json()["items"]
        assert taken["job"]["status"] == "PENDING"
        # One job of a batch may not be larger than its payload may be; the body's limit is another.
        assert refused["error"]["code"] == poison.code.replace("body_too_large", "payload_too_large")
        assert len(placer.orders[0].drafts) == 1
    else:
        assert 400 <= answer.status_code < 500
        assert answer.headers["content-type"] == "application/problem+json"
        assert placer.orders == []


async def test_size_limits_have_their_own_status(offline):
    client, _ = offline
    large = await client.post("/jobs", content=b'{"payload": {"task": "example", "a": "' + b"x" * 300_000 + b'"}}')
    assert (large.status_code, large.json()["field"]) == (413, "/payload")
    announced = await client.post("/jobs", content=b"{}", headers={"content-length": "2000000"})
    assert announced.status_code == 413


async def test_the_body_limit_holds_without_a_content_length(offline):
    client, placer = offline
    sent = 0

    async def endless():
        nonlocal sent
        while True:
            sent += 64 * 1024
            yield b" " * 64 * 1024

    answer = await client.post("/jobs", content=endless())
    assert answer.status_code == 413
    assert answer.json()["code"] == "body_too_large"
    assert sent < 2 * 1024 * 1024
    assert placer.orders == []
