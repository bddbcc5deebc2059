"""Schedules on real servers: made, fired once a tick, changed, removed."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from jobstream_api.repositories import fires
from jobstream_api.services.scheduler import Scheduler
from tests.integration.api.doors import announce, read_all
from tests.support.eventually import eventually

pytestmark = pytest.mark.integration

JOB = {"payload": {"task": "example", "value": 42}}
HOURLY = {"name": "hourly", "cron": "@hourly", "job": JOB}
SECONDLY = {"name": "secondly", "cron": "@every 1s", "job": JOB}


@pytest.fixture
async def client(space, start_inside):
    """An api that serves and leads."""
    await announce(space, "example")
    client = await start_inside(roles=("http", "applier", "leader"))
    await eventually(lambda: client.process.catalogue.known("example"), what="the type is known")
    await eventually(lambda: client.process.leader.leading, what="it leads")
    return client


async def test_made_read_listed_changed_and_removed(inside):
    made = await inside.post("/schedules", json=HOURLY | {"timezone": "Asia/Kathmandu", "overlap": "skip"})
    assert made.status_code == 201, made.text
    schedule = made.json()
    assert made.headers["location"] == "/schedules/hourly"
    assert schedule["job"] == JOB
    assert (schedule["missed"], schedule["paused"], schedule["last_fire"], schedule["waiting"]) == (
        "once",
        False,
        None,
        0,
    )
    coming = [datetime.fromisoformat(tick) for tick in schedule["next_fires"]]
    assert len(coming) == 10
    assert all(tick.minute == 0 and tick.utcoffset() == timedelta(hours=5, minutes=45) for tick in coming)
    assert datetime.fromisoformat(schedule["next_at"]) == coming[0]
    assert coming[0] - datetime.now(UTC) < timedelta(hours=1)

    by_id = (await inside.get(f"/schedules/{schedule['id']}")).json()
    assert by_id["id"] == (await inside.get("/schedules/hourly")).json()["id"] == schedule["id"]
    again = await inside.post("/schedules", json=HOURLY)
    assert (again.status_code, again.json()["code"]) == (409, "schedule_exists")

    changed = (await inside.patch("/schedules/hourly", json={"cron": "@daily", "name": "daily"})).json()
    assert (changed["name"], changed["cron"], changed["overlap"]) == ("daily", "@daily", "skip")
    assert changed["next_fires"][0].endswith("T00:00:00+05:45")
    assert (await inside.get("/schedules/hourly")).json()["code"] == "schedule_not_found"
    other = await inside.post("/schedules", json=HOURLY)
    clash = await inside.patch(f"/schedules/{other.json()['id']}", json={"name": "daily"})
    assert (clash.status_code, clash.json()["code"]) == (409, "schedule_exists")
    wrong = await inside.patch("/schedules/daily", json={"timezone": "Nowhere"})
    assert (wrong.status_code, wrong.json()["field"]) == (422, "/timezone")

    first = (await inside.get("/schedules", params={"limit": 1})).json()
    second = (await inside.get("/schedules", params={"limit": 1, "cursor": first["next_cursor"]})).json()
    assert [page["items"][0]["name"] for page in (first, second)] == ["hourly", "daily"]
    assert second["next_cursor"] is None

    assert (await inside.delete("/schedules/daily")).status_code == 204
    assert (await inside.delete("/schedules/daily")).status_code == 404


async def test_each_tick_is_one_job_at_its_time(space, client):
    await client.post("/schedules", json=SECONDLY | {"job": JOB | {"tags": ["mine"], "key": "k", "max_retries": 1}})

    async def several():
        return await space.count("schedule_fires") >= 4

    await eventually(several, what="it fired four times")
    assert (await client.patch("/schedules/secondly", json={"paused": True})).json()["next_fires"] == []
    rows = await space.fetch(
        "SELECT f.tick, f.status, f.origin, j.* FROM schedule_fires f JOIN jobs j ON j.id = f.job_id ORDER BY f.tick"
    )
    assert len(rows) == await space.count("schedule_fires") == await space.count("jobs")
    (schedule,) = await space.fetch("SELECT * FROM schedules")
    for place, row in enumerate(rows):
        assert row["tick"] == schedule["anchor_at"] + timedelta(seconds=place + 1)
        assert timedelta(0) <= row["created_at"] - row["tick"] < timedelta(seconds=1)
        assert (row["status"], row["origin"], row["key"], row["max_retries"]) == ("PENDING", "tick", "k", 1)
        tick = row["tick"].isoformat().replace("+00:00", "Z")
        assert row["tags"] == ["mine", "schedule:secondly", f"tick:{tick}"]
    records = await read_all(space, space.topics.jobs(), at_least=len(rows))
    assert len(records) == len(rows)
    jobs = (await client.get("/jobs", params={"tag": "schedule:secondly"})).json()["items"]
    assert len(jobs) == len(rows)
    seen = (await client.get("/schedules/secondly/fires", params={"count": 2})).json()
    assert seen["next"] == []
    assert [fire["job_id"] for fire in seen["recent"]] == [job["id"] for job in jobs[:2]]
    metrics = (await client.get("/metrics")).text
    assert f'jobstream_jobs_total{{door="schedule"}} {len(rows)}.0' in metrics
    assert f'jobstream_schedule_fires_total{{status="fired"}} {len(rows)}.0' in metrics
    assert f'jobstream_schedule_lateness_seconds_bucket{{le="1.0"}} {len(rows)}.0' in metrics


async def test_two_schedulers_at_once_fire_each_tick_once(space, start_inside):
    await announce(space, "example")
    apis = [await start_inside(), await start_inside()]
    for api in apis:
        await eventually(lambda api=api: api.process.catalogue.known("example"), what="the type is known")
    for number in range(20):
        await apis[0].post(
            "/schedules", json=HOURLY | {"name": f"s{number}", "missed": "all", "missed_window_s": 20_000}
        )
    await space.execute("UPDATE schedules SET next_at = date_trunc('hour', now()) - interval '3 hours'")
    settings = space.settings()
    schedulers = [
        Scheduler(settings, api.process.database, api.process.catalogue, api.process.firing) for api in apis * 3
    ]
    for _ in range(3):
        await asyncio.gather(*(scheduler.turn() for scheduler in schedulers))
    ticks = await space.fetch("SELECT schedule_id, count(*) AS n FROM schedule_fires GROUP BY 1")
    assert [row["n"] for row in ticks] == [4] * 20
    assert await space.count("jobs") == 80
    assert len(await read_all(space, space.topics.jobs(), at_least=80)) == 80


async def test_a_loop_with_nothing_to_do_asks_six_times_a_minute(client, monkeypatch):
    asked = 0
    ask = fires.outlook

    async def counted(connection):
        nonlocal asked
        asked += 1
        return await ask(connection)

    monkeypatch.setattr(fires, "outlook", counted)
    await asyncio.sleep(3)  # what is counted is how often it asks in so much time
    assert asked <= 1
    # And it is woken by a change all the same.
    started = datetime.now(UTC)
    await client.post("/schedules", json=SECONDLY)

    async def fired():
        return (await client.get("/schedules/secondly")).json()["last_fire"]

    await eventually(fired, what="it fired")
    assert datetime.now(UTC) - started < timedelta(seconds=2.5)


async def test_a_pause_stops_it_and_what_falls_into_it_is_not_missed(space, client):
    await client.post("/schedules", json=SECONDLY | {"missed": "all", "paused": True})
    other = (await client.post("/schedules", json=SECONDLY | {"name": "clock"})).json()

    async def went_by():
        return (await client.get("/schedules/clock/fires?count=3")).json()["recent"][2:]

    await eventually(went_by, what="three ticks of another schedule")
    assert (await client.get("/schedules/secondly/fires")).json()["recent"] == []
    resumed = datetime.fromisoformat(
        (await client.patch("/schedules/secondly", json={"paused": False})).json()["updated_at"]
    )

    async def fired():
        return await space.fetch(
            "SELECT min(tick) AS first FROM schedule_fires WHERE schedule_id <> $1 HAVING count(*) > 0", other["id"]
        )

    [row] = await eventually(fired, what="it fired")
    assert row["first"] > resumed


async def test_a_job_that_is_refused_by_now_is_told_and_the_next_tick_tries_again(space, client):
    await client.post("/schedules", json=SECONDLY)
    strict = {"type": "object", "required": ["to"]}
    await announce(space, "example", payload_schema=strict)

    async def last():
        return (await client.get("/schedules/secondly")).json()["last_fire"]

    async def refused():
        return (await last() or {}).get("status") == "refused"

    await eventually(refused, what="a tick was refused")
    fire = await last()
    assert fire["job_id"] is None
    assert "/payload/to" in fire["reason"]
    by_hand = await client.post("/schedules/secondly/trigger")
    assert (by_hand.status_code, by_hand.json()["field"]) == (422, "/job/payload/to")
    # It can be paused although its job would be refused now.
    assert (await client.patch("/schedules/secondly", json={"paused": True})).status_code == 200
    assert (await client.patch("/schedules/secondly", json={"job": JOB})).json()["field"] == "/job/payload/to"
    await client.patch(
        "/schedules/secondly", json={"job": {"payload": {"task": "example", "to": "x"}}, "paused": False}
    )

    async def fires_again():
        return (await last())["status"] == "fired"

    await eventually(fires_again, what="it fires again")


async def test_what_the_database_refuses_holds_up_no_other_schedule(space, client):
    await space.execute("ALTER TABLE jobs ADD CHECK (payload->>'value' IS DISTINCT FROM 'bad')")
    bad = {"payload": {"task": "example", "value": "bad"}}
    await client.post("/schedules", json=SECONDLY | {"name": "bad", "job": bad})
    await client.post("/schedules", json=SECONDLY | {"name": "good"})

    async def both():
        rows = await space.fetch(
            "SELECT name, status, count(*) FROM schedule_fires JOIN schedules ON id = schedule_id GROUP BY 1, 2"
        )
        return {(row["name"], row["status"]) for row in rows if row["count"] >= 2}

    assert await eventually(both) <= {("bad", "refused"), ("good", "fired")}
    await eventually(lambda: _equal(both, {("bad", "refused"), ("good", "fired")}))


async def _equal(look, wanted) -> bool:
    return await look() == wanted
