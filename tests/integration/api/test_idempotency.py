"""Idempotency-Key: one job, and the first answer again."""

import asyncio
from datetime import datetime

import pytest

from jobstream.contracts.events import EventKind
from jobstream_api.services import submit
from tests.integration.api.doors import announce, read_all, report
from tests.support.eventually import eventually

pytestmark = pytest.mark.integration

SEED = {"payload": {"task": "example", "value": 42}}


async def _until_known(*clients):
    for client in clients:
        await eventually(lambda client=client: client.process.catalogue.known("example"), what="the type is known")


async def test_fifty_at_once_on_two_replicas_make_one_job(space, start_inside):
    await announce(space, "example")
    one, two = await start_inside(), await start_inside()
    await _until_known(one, two)
    headers = {"Idempotency-Key": "order-4711"}
    answers = await asyncio.gather(
        *((one if n % 2 else two).post("/jobs", json=SEED, headers=headers) for n in range(50))
    )
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.text for answer in answers}) == 1
    assert sum("idempotent-replayed" not in answer.headers for answer in answers) == 1
    assert len(await space.fetch("SELECT 1 FROM jobs")) == 1
    assert len(await read_all(space, space.topics.jobs(), at_least=1)) == 1


async def test_a_repeat_gets_the_first_answer_whatever_happened_since(space, start_inside):
    await announce(space, "example")
    client = await start_inside(roles=("http", "applier"))
    await _until_known(client)
    headers = {"Idempotency-Key": "a"}
    first = await client.post("/jobs", json=SEED, headers=headers)
    await report(space, first.json(), EventKind.COMPLETED, result={"output": "success"})
    ended = await client.get(first.headers["location"], params={"wait": 20})
    assert ended.json()["status"] == "COMPLETED"
    again = await client.post("/jobs", content=b' {"payload" : {"value": 42, "task": "example"}}', headers=headers)
    assert again.status_code == 201
    assert again.content == first.content
    assert again.headers["location"] == first.headers["location"]
    assert again.headers["idempotent-replayed"] == "true"
    assert again.headers["idempotency-key-expires"] == first.headers["idempotency-key-expires"]


async def test_another_body_is_refused(space, inside):
    headers = {"Idempotency-Key": "a"}
    await inside.post("/jobs", json=SEED, headers=headers)
    other = await inside.post("/jobs", json=SEED | {"max_retries": 0}, headers=headers)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_mismatch")
    assert len(await space.fetch("SELECT 1 FROM jobs")) == 1


async def test_a_refused_request_does_not_use_its_key_up(space, inside):
    headers = {"Idempotency-Key": "a"}
    assert (await inside.post("/jobs", json={"payload": {"task": "nobody"}}, headers=headers)).status_code == 422
    assert (await inside.post("/jobs", json=SEED, headers=headers)).status_code == 201
    await space.execute("ALTER TABLE jobs ADD CHECK (payload->>'value' IS DISTINCT FROM 'bad')")
    bad = {"payload": {"task": "example", "value": "bad"}}
    headers = {"Idempotency-Key": "b"}
    assert (await inside.post("/jobs", json=bad, headers=headers)).json()["code"] == "unstorable"
    assert (await inside.post("/jobs", json=SEED, headers=headers)).status_code == 201


async def test_an_expired_key_is_new_again(space, start_inside):
    await announce(space, "example")
    client = await start_inside(idempotency_ttl_s=0.2)
    await _until_known(client)
    headers = {"Idempotency-Key": "a"}
    first = await client.post("/jobs", json=SEED, headers=headers)

    async def expired():
        return await space.fetch("SELECT 1 FROM idempotency_keys WHERE expires_at < now()")

    await eventually(expired, what="the key expired")
    second = await client.post("/jobs", json={"payload": {"task": "example"}}, headers=headers)
    assert second.status_code == 201
    assert second.json()["id"] != first.json()["id"]


async def test_a_replay_of_jobs_that_are_gone_says_so(space, inside):
    headers = {"Idempotency-Key": "a"}
    await inside.post("/jobs", json=SEED, headers=headers)
    await space.execute("DELETE FROM jobs")
    again = await inside.post("/jobs", json=SEED, headers=headers)
    assert (again.status_code, again.json()["code"]) == (409, "idempotency_gone")


async def test_a_batch_repeats_its_verdicts_in_their_places(space, inside):
    jobs = [SEED, {"payload": {"task": "nobody"}}, SEED, {"payload": []}]
    headers = {"Idempotency-Key": "batch-1"}
    first, again = [await inside.post("/jobs/batch", json={"jobs": jobs}, headers=headers) for _ in range(2)]
    assert first.status_code == again.status_code == 207
    assert first.json() == again.json()
    assert again.headers["idempotent-replayed"] == "true"
    assert len(await space.fetch("SELECT 1 FROM jobs")) == 2
    # The same key means something else on the other door.
    assert (await inside.post("/jobs", json=SEED, headers=headers)).status_code == 201


async def test_while_the_first_is_in_flight_elsewhere_a_repeat_is_told_to_come_again(space, inside):
    async with space.key_in_flight("a"):
        posts = [inside.post("/jobs", json=SEED, headers={"Idempotency-Key": key}) for key in "abcde"]
        answers = await asyncio.gather(*posts, inside.post("/jobs", json=SEED))
        # The neighbours in the same commit are served.
        assert [answer.status_code for answer in answers] == [409] + [201] * 5
        assert answers[0].json()["code"] == "idempotency_in_flight"
        assert int(answers[0].headers["retry-after"]) > 0
    assert (await inside.post("/jobs", json=SEED, headers={"Idempotency-Key": "a"})).status_code == 201


async def test_while_the_first_is_in_flight_in_this_process_a_repeat_is_told_to_come_again(space, inside, monkeypatch):
    monkeypatch.setattr(submit, "PATIENCE_S", 0.1)
    headers = {"Idempotency-Key": "a"}
    async with space.connection() as other:
        transaction = other.transaction()
        await transaction.start()
        await other.execute("LOCK TABLE idempotency_keys IN SHARE MODE")  # the first cannot write its key
        first = asyncio.create_task(inside.post("/jobs", json=SEED, headers=headers))
        await eventually(lambda: inside.process.parts.submitter._keys, what="the first is under way")
        repeat = await inside.post("/jobs", json=SEED, headers=headers)
        assert (repeat.status_code, repeat.json()["code"]) == (409, "idempotency_in_flight")
        assert not first.done()
        await transaction.rollback()
        assert (await first).status_code == 201
    again = await inside.post("/jobs", json=SEED, headers=headers)
    assert (again.status_code, again.content) == (201, first.result().content)


async def test_the_expiry_is_told_at_the_first_use_and_at_a_repeat(space, inside):
    headers = {"Idempotency-Key": "a"}
    first, again = [await inside.post("/jobs", json=SEED, headers=headers) for _ in range(2)]
    assert first.headers["idempotency-key-expires"] == again.headers["idempotency-key-expires"]
    [row] = await space.fetch("SELECT expires_at FROM idempotency_keys")
    assert datetime.fromisoformat(first.headers["idempotency-key-expires"]) == row["expires_at"]


async def test_a_repeat_gets_the_first_answer_of_a_job_that_was_moved_and_changed_since(space, inside):
    headers = {"Idempotency-Key": "a"}
    asked = SEED | {"delay_s": 3600, "priority": 3, "start_within_s": 60}
    first = await inside.post("/jobs", json=asked, headers=headers)
    moved = await inside.patch(first.headers["location"], json={"delay_s": 7200, "priority": 5})
    assert moved.status_code == 200
    await space.execute("UPDATE jobs SET payload = '{}', start_before = NULL")
    again = await inside.post("/jobs", json=asked, headers=headers)
    assert (again.status_code, again.json()) == (201, first.json())
