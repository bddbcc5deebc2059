"""At most one such job: what becomes of the second."""

import asyncio
from datetime import UTC, datetime, timedelta

import httpx2
import pytest

from jobstream.contracts.events import EventKind
from jobstream.contracts.flow import Limit
from jobstream.contracts.unique import Unique
from jobstream_api.domain.retention import Retention
from tests.integration.api.doors import announce, failed, read_all, report
from tests.integration.api.uniques import BY_ORDER, completed, job, known_types
from tests.support.eventually import eventually

pytestmark = pytest.mark.integration

DAY_S = 86_400.0
KEPT = Retention(completed_s=DAY_S, failed_s=DAY_S, cancelled_s=DAY_S, results_s=0.0, dead_letters_s=DAY_S)


async def test_fifty_at_once_on_three_processes_make_one_job(space):
    await announce(space, "example")
    apis = await asyncio.gather(*(space.start_api(JOBSTREAM_API_ROLES="http") for _ in range(3)))
    clients = [httpx2.AsyncClient(base_url=api.url, timeout=30) for api in apis]
    try:
        await known_types(*clients)
        for order in range(5):
            answers = await asyncio.gather(*(clients[n % 3].post("/jobs", json=job(order)) for n in range(50)))
            made = [answer for answer in answers if answer.status_code == 201]
            refused = [answer for answer in answers if answer.status_code == 409]
            assert (len(made), len(refused)) == (1, 49), {answer.text for answer in answers}
            [the_job] = [answer.json()["id"] for answer in made]
            assert {answer.json()["code"] for answer in refused} == {"not_unique"}
            assert {answer.json()["job_id"] for answer in refused} == {the_job}
            assert {answer.headers["location"] for answer in refused} == {f"/jobs/{the_job}"}
    finally:
        for client in clients:
            await client.aclose()
    assert await space.count("jobs") == await space.count("unique_claims") == 5
    assert len(await read_all(space, space.topics.jobs(), at_least=5)) == 5


async def test_a_refused_neighbour_in_the_same_commit_hurts_nobody(space, inside):
    first = await inside.post("/jobs", json=job(0))
    mixed = [job(n % 3) if n % 2 else {"payload": {"task": "example", "n": n}} for n in range(40)]
    answers = await asyncio.gather(*(inside.post("/jobs", json=one) for one in mixed))
    plain = [answer for answer, one in zip(answers, mixed, strict=True) if "unique" not in one]
    unique = [answer for answer, one in zip(answers, mixed, strict=True) if "unique" in one]
    assert {answer.status_code for answer in plain} == {201}
    assert sorted(answer.status_code for answer in unique) == [201] * 2 + [409] * 18
    assert first.json()["id"] in {answer.json().get("job_id") for answer in unique}
    assert await space.count("jobs") == 1 + 20 + 2


async def test_one_that_the_database_refuses_leaves_no_claim_behind(space, inside):
    await space.execute("ALTER TABLE jobs ADD CHECK (payload->>'value' IS DISTINCT FROM 'bad')")
    bad, good = job(1), job(1)
    bad["payload"]["value"] = "bad"
    answer = await inside.post("/jobs/batch", json={"jobs": [bad, good, good, job(2)]})
    items = answer.json()["items"]
    assert [item["status"] for item in items] == [422, 201, 409, 201]
    assert items[2]["error"]["job_id"] == items[1]["job"]["id"]
    assert (await inside.post("/jobs", json=good)).status_code == 409


async def test_a_batch_gets_a_verdict_each(space, inside):
    jobs = [job(1), job(2), job(1), job(1, on_conflict="existing"), {"payload": []}]
    answer = await inside.post("/jobs/batch", json={"jobs": jobs})
    assert answer.status_code == 207
    items = answer.json()["items"]
    assert [item["status"] for item in items] == [201, 201, 409, 200, 422]
    assert items[2]["error"]["code"] == "not_unique"
    assert items[2]["error"]["job_id"] == items[0]["job"]["id"] == items[3]["job"]["id"]
    assert items[3]["existing"] == "true"
    assert await space.count("jobs") == 2


async def test_over_once_the_first_has_ended_unless_that_state_counts(space, client):
    first = (await client.post("/jobs", json=job())).json()
    assert (await client.post("/jobs", json=job())).status_code == 409
    await completed(space, client, first)
    kept = await client.post("/jobs", json=job(states=["COMPLETED", "PENDING"]))
    assert (kept.status_code, kept.json()["job_id"]) == (409, first["id"])
    assert "COMPLETED" in kept.json()["detail"]
    second = await client.post("/jobs", json=job())
    assert second.status_code == 201
    await report(space, second.json(), EventKind.FAILED, **failed())
    await client.get(second.headers["location"], params={"wait": 20})
    assert (await client.post("/jobs", json=job(states=["FAILED"]))).status_code == 409
    assert (await client.post("/jobs", json=job())).status_code == 201


async def test_a_window_counts_completed_jobs_until_it_is_over(space, client):
    first = (await client.post("/jobs", json=job(window_s=3600))).json()
    await completed(space, client, first)
    assert (await client.post("/jobs", json=job(window_s=3600))).json()["job_id"] == first["id"]
    # A shorter window of the one that comes is over sooner, and so is that of the one that is there.
    await space.execute("UPDATE unique_claims SET claimed_at = now() - interval '20 minutes'")
    assert (await client.post("/jobs", json=job(window_s=3600))).status_code == 409
    await space.execute("UPDATE unique_claims SET expires_at = now() - interval '1 second'")
    second = await client.post("/jobs", json=job(window_s=3600))
    assert second.status_code == 201
    await space.execute("UPDATE unique_claims SET claimed_at = now() - interval '20 minutes'")
    assert (await client.post("/jobs", json=job(window_s=600))).status_code == 201


async def test_existing_answers_with_the_job_that_is_there(space, client):
    first = (await client.post("/jobs", json=job())).json()
    same = await client.post("/jobs", json=job(on_conflict="existing"))
    assert (same.status_code, same.headers["jobstream-existing"]) == (200, "true")
    assert same.json() == first
    assert same.headers["location"] == f"/jobs/{first['id']}"
    other = await client.post("/jobs", json=job(8, on_conflict="existing"))
    assert other.status_code == 201
    assert "jobstream-existing" not in other.headers


async def test_replace_gives_a_held_job_the_new_payload(space, inside):
    first = (await inside.post("/jobs", json=job() | {"delay_s": 3600, "priority": 2, "tags": ["a"]})).json()
    change = job(on_conflict="replace")
    change["payload"]["text"] = "newer"
    replaced = await inside.post("/jobs", json=change)
    assert (replaced.status_code, replaced.headers["jobstream-existing"]) == (200, "replaced")
    assert replaced.json() == first | {"payload": change["payload"]}
    assert (await inside.get(f"/jobs/{first['id']}")).json() == replaced.json()
    soon = datetime.now(UTC).replace(microsecond=0) + timedelta(minutes=5)
    again = await inside.post("/jobs", json=change | {"run_at": soon.isoformat(), "priority": 9})
    assert datetime.fromisoformat(again.json()["run_at"]) == soon
    [row] = await space.fetch("SELECT dispatch_at, priority FROM jobs")
    assert (row["dispatch_at"], row["priority"]) == (soon, 9)


async def test_replace_comes_too_late_for_a_job_that_was_handed_out(space, inside):
    first = (await inside.post("/jobs", json=job())).json()
    change = job(on_conflict="replace")
    change["payload"]["text"] = "newer"
    late = await inside.post("/jobs", json=change)
    assert (late.status_code, late.json()["code"], late.json()["job_id"]) == (409, "not_unique", first["id"])
    assert "handed out" in late.json()["detail"]
    assert (await inside.get(f"/jobs/{first['id']}")).json() == first


async def test_replace_keeps_type_queue_and_key(space, inside):
    by = {"by": ["$.order_id"], "on_conflict": "replace"}
    held = {"payload": {"task": "example", "order_id": 1}, "unique": by, "delay_s": 3600}
    first = (await inside.post("/jobs", json=held)).json()
    for other in ({"key": "k"}, {"queue": "high"}):
        answer = await inside.post("/jobs", json=held | other)
        assert (answer.status_code, answer.json()["job_id"]) == (409, first["id"])
    assert (await inside.post("/jobs", json=held)).status_code == 200


async def test_replace_puts_a_job_at_the_gate_that_its_new_payload_has(space, start_inside):
    limit = Limit(kind="concurrency", limit=1, key="$.customer")
    await announce(space, "example", limits=[limit])
    client = await start_inside()
    await known_types(client)
    asked = {"payload": {"task": "example", "order_id": 1, "customer": "a"}, "unique": BY_ORDER}
    first = (await client.post("/jobs", json=asked)).json()
    [before] = await space.fetch("SELECT lane, seq, rank_at, dispatch_at FROM jobs")
    assert before["dispatch_at"].year == datetime.max.year  # infinity: it is at its gate
    asked = asked | {"unique": BY_ORDER | {"on_conflict": "replace"}, "priority": 3}
    asked["payload"] = asked["payload"] | {"customer": "b"}
    assert (await client.post("/jobs", json=asked)).json()["id"] == first["id"]
    [after] = await space.fetch("SELECT lane, seq, rank_at, dispatch_at FROM jobs")
    assert after["lane"] == before["lane"].replace('"a"', '"b"') != before["lane"]
    assert (after["seq"], after["dispatch_at"]) == (before["seq"], before["dispatch_at"])
    assert after["rank_at"] < before["rank_at"]


async def test_replace_lets_a_job_go_whose_new_payload_has_no_gate(space, start_inside):
    await announce(space, "example", limits=[Limit(kind="concurrency", limit=1)])
    client = await start_inside(roles=("http",))
    await known_types(client)
    await eventually(lambda: client.process.flow.gated, what="the gate is known")
    first = (await client.post("/jobs", json=job(1))).json()
    await announce(space, "example")
    await eventually(lambda: not client.process.flow.gated, what="the gate is gone")
    answer = await client.post("/jobs", json=job(1, on_conflict="replace"))
    assert (answer.status_code, answer.json()["id"]) == (200, first["id"])
    [row] = await space.fetch("SELECT lane, rank_at, seq, dispatch_at <= now() AS due FROM jobs")
    assert dict(row) == {"lane": None, "rank_at": None, "seq": None, "due": True}


@pytest.mark.parametrize("door", ["/jobs", "/jobs/batch"])
async def test_who_makes_no_job_needs_no_room(space, start_inside, door):
    await announce(space, "example", limits=[Limit(kind="concurrency", limit=1, max_waiting=2)])
    client = await start_inside(roles=("http",))
    await known_types(client)
    await eventually(lambda: client.process.flow.gated, what="the gate is known")

    async def verdict(asked, **headers):
        body = asked if door == "/jobs" else {"jobs": [asked]}
        answer = await client.post(door, json=body, headers=headers)
        return answer.status_code if door == "/jobs" else answer.json()["items"][0]["status"]

    batch = {"jobs": [job(1), job(1), job(1, on_conflict="existing"), job(2), job(3)]}
    answer = await client.post("/jobs/batch", json=batch, headers={"Idempotency-Key": "all"})
    assert [item["status"] for item in answer.json()["items"]] == [201, 409, 200, 201, 429]
    again = await client.post("/jobs/batch", json=batch, headers={"Idempotency-Key": "all"})
    assert (again.headers["idempotent-replayed"], again.json()) == ("true", answer.json())

    assert await verdict(job(1)) == 409
    assert await verdict(job(1, on_conflict="existing")) == 200
    assert await verdict(job(2, on_conflict="replace")) == 200
    assert await verdict(job(3)) == 429
    assert await verdict({"payload": {"task": "example"}}) == 429
    assert await space.count("unique_claims") == 2
    # What was refused holds no claim, and no key.
    assert await verdict(job(4), **{"Idempotency-Key": "later"}) == 429
    await space.execute("UPDATE jobs SET dispatch_at = NULL")
    assert await verdict(job(4), **{"Idempotency-Key": "later"}) == 201
    assert await verdict(job(3)) == 201


async def test_a_type_may_ask_for_it_and_a_job_for_something_else(space, start_inside):
    await announce(space, "example", unique=Unique(by=["type", "$.order_id"], on_conflict="existing"))
    client = await start_inside()
    await known_types(client)
    plain = {"payload": {"task": "example", "order_id": 1}}
    first = await client.post("/jobs", json=plain)
    same = await client.post("/jobs", json=plain)
    assert (first.status_code, same.status_code, same.json()) == (201, 200, first.json())
    missing = await client.post("/jobs", json={"payload": {"task": "example"}})
    assert (missing.status_code, missing.json()["field"]) == (422, "/payload/order_id")
    own = {**plain, "unique": {"by": ["type", "key"]}, "key": "k"}
    assert (await client.post("/jobs", json=own)).status_code == 201
    # Another process, which learns it from the table.
    [row] = await space.fetch("SELECT uniqueness FROM job_types WHERE type = 'example'")
    assert "on_conflict" in row["uniqueness"]


async def test_a_key_gets_the_first_answer_again(space, client):
    first = (await client.post("/jobs", json=job(), headers={"Idempotency-Key": "first"})).json()
    headers = {"Idempotency-Key": "second"}
    asked = job(on_conflict="existing")
    existing = await client.post("/jobs", json=asked, headers=headers)
    assert existing.status_code == 200
    await completed(space, client, first)
    replay = await client.post("/jobs", json=asked, headers=headers)
    assert (replay.status_code, replay.content) == (200, existing.content)
    assert replay.headers["jobstream-existing"] == "true"
    assert replay.headers["idempotent-replayed"] == "true"
    assert replay.headers["idempotency-key-expires"] == existing.headers["idempotency-key-expires"]
    # The first one's repeat is a replay, and no conflict with itself.
    again = await client.post("/jobs", json=job(), headers={"Idempotency-Key": "first"})
    assert (again.status_code, again.json()) == (201, first)


async def test_a_refused_job_does_not_use_its_key_up(space, client):
    first = (await client.post("/jobs", json=job())).json()
    headers = {"Idempotency-Key": "a"}
    assert (await client.post("/jobs", json=job(), headers=headers)).json()["code"] == "not_unique"
    await completed(space, client, first)
    assert (await client.post("/jobs", json=job(), headers=headers)).status_code == 201


async def test_a_batch_with_a_key_repeats_all_verdicts(space, client):
    first = (await client.post("/jobs", json=job(1))).json()
    jobs = [job(1), job(2), {"payload": []}, job(1, on_conflict="existing"), job(2), job(3)]
    headers = {"Idempotency-Key": "b"}
    answer = await client.post("/jobs/batch", json={"jobs": jobs}, headers=headers)
    assert [item["status"] for item in answer.json()["items"]] == [409, 201, 422, 200, 409, 201]
    await completed(space, client, first)
    replay = await client.post("/jobs/batch", json={"jobs": jobs}, headers=headers)
    assert replay.json() == answer.json()
    assert replay.headers["idempotent-replayed"] == "true"


async def test_a_record_that_asks_for_it_is_a_dead_letter_that_says_what_to_do(space, start_inside):
    await announce(space, "example", unique=Unique(by=["type"]))
    client = await start_inside(roles=("http", "intake"))
    await known_types(client)
    await space.produce([job(), {"payload": {"task": "example"}}, {"payload": {"task": "example"}}])

    async def taken_in():
        letters = (await client.get("/dead-letters")).json()["items"]
        assert [letter["reason"] for letter in letters] == ["unique_not_here"]
        assert "submit over HTTP, or use idempotency_key" in letters[0]["detail"]
        # What the type asks for does not hold for records.
        assert await space.count("jobs") == 2
        return True

    await eventually(taken_in, what="the records are taken in")


async def test_a_schedule_skips_a_tick_whose_job_is_there(space, inside):
    first = (await inside.post("/jobs", json=job())).json()
    made = await inside.post("/schedules", json={"name": "s", "cron": "@yearly", "job": job()})
    assert made.status_code == 201, made.text
    busy = await inside.post("/schedules/s/trigger")
    assert (busy.status_code, busy.json()["code"], busy.json()["job_id"]) == (409, "not_unique", first["id"])
    day = datetime.now(UTC).replace(month=1, day=1, hour=0, minute=0, second=0, microsecond=0)
    span = {"from": (day - timedelta(days=1)).isoformat(), "to": (day + timedelta(days=1)).isoformat()}
    fires = (await inside.post("/schedules/s/backfill", json=span)).json()["items"]
    assert [(fire["status"], fire["reason"]) for fire in fires] == [("skipped", f"not_unique: job {first['id']}")]
    assert await space.count("jobs") == 1


async def test_a_claim_that_another_transaction_keeps_open_delays_only_its_own(space, inside):
    asked = job(5)
    waiting = Unique.model_validate(asked["unique"]).hash_of(
        type="example", queue="default", key=None, payload=asked["payload"]
    )
    async with space.connection() as other, other.transaction():
        await other.execute("INSERT INTO unique_claims (hash, job_id) VALUES ($1, gen_random_uuid())", waiting)
        answers = await asyncio.gather(*(inside.post("/jobs", json=job(n)) for n in range(10)))
    assert [answer.status_code for answer in answers] == [201] * 5 + [503] + [201] * 4
    assert "try again" in answers[5].json()["detail"]
