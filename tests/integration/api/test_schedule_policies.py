"""What becomes of ticks that overlap, that were missed, that are triggered or backfilled by hand."""

from datetime import UTC, datetime, timedelta

import pytest

from jobstream.contracts.control import GATES_KEY
from jobstream.contracts.events import EventKind
from jobstream_api.repositories import fires
from tests.integration.api.doors import announce, read_all, report
from tests.support.eventually import eventually

pytestmark = pytest.mark.integration

JOB = {"payload": {"task": "example"}}
HOUR = timedelta(hours=1)


@pytest.fixture
async def client(space, start_inside):
    """An api that serves, applies and leads, and looks for what waits often."""
    await announce(space, "example")
    client = await start_inside(roles=("http", "applier", "leader"))
    await eventually(lambda: client.process.catalogue.known("example"), what="the type is known")
    return client


async def _make(client, **fields) -> dict:
    """A schedule that never fires by itself during a test."""
    yearly = {"name": "s", "cron": "0 0 1 1 *", "job": JOB}
    answer = await client.post("/schedules", json=yearly | fields)
    assert answer.status_code == 201, answer.text
    return answer.json()


def _ten_minutes_ago() -> datetime:
    """A minute whose ticks are neither just late nor just coming."""
    return (datetime.now(UTC) - timedelta(minutes=10)).replace(second=0, microsecond=0)


async def _recent(client) -> list[str]:
    """What became of the ticks, the earliest first."""
    recent = (await client.get("/schedules/s/fires", params={"count": 100})).json()["recent"]
    return [fire["reason"] or fire["status"] for fire in reversed(recent)]


async def _job(client, job_id) -> dict:
    return (await client.get(f"/jobs/{job_id}")).json()


async def _end(space, client, job_id) -> None:
    await report(space, await _job(client, job_id), EventKind.COMPLETED)
    assert (await client.get(f"/jobs/{job_id}", params={"wait": 20})).json()["status"] == "COMPLETED"


async def test_allow_runs_both(client):
    await _make(client)
    answers = [await client.post("/schedules/s/trigger") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [201] * 3
    assert answers[0].headers["location"] == f"/jobs/{answers[0].json()['job_id']}"
    assert answers[0].json()["origin"] == "trigger"
    assert await _recent(client) == ["fired"] * 3


async def test_skip_refuses_a_trigger_until_the_job_has_ended(space, client):
    await _make(client, overlap="skip", paused=True)
    first = (await client.post("/schedules/s/trigger")).json()
    busy = await client.post("/schedules/s/trigger")
    assert (busy.status_code, busy.json()["code"]) == (409, "schedule_busy")
    assert (await client.post("/schedules/s/trigger", params={"overlap": "allow"})).status_code == 201
    second = (await client.get("/schedules/s")).json()["last_fire"]["job_id"]
    await _end(space, client, first["job_id"])
    assert (await client.post("/schedules/s/trigger")).status_code == 409
    await _end(space, client, second)
    assert (await client.post("/schedules/s/trigger")).status_code == 201
    assert await _recent(client) == ["fired"] * 3


async def test_queue_runs_one_after_another_in_order(space, client):
    await _make(client, overlap="queue")
    answers = [await client.post("/schedules/s/trigger") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [201, 202, 202]
    assert (await client.get("/schedules/s")).json()["waiting"] == 2
    for done in range(1, 4):
        ticks = [answer.json()["tick"] for answer in answers]

        async def turn(done=done, ticks=ticks):
            came = (await client.get("/schedules/s/fires")).json()["recent"]
            fired = sorted(fire["tick"] for fire in came if fire["status"] == "fired")
            return came[-done]["job_id"] if fired == ticks[:done] else None

        job_id = await eventually(turn, what=f"tick {done} fired, and no later one")
        await _end(space, client, job_id)
    assert await space.count("jobs") == 3


async def test_what_waits_rests_while_the_schedule_is_paused(space, client):
    await _make(client, overlap="queue")
    first = (await client.post("/schedules/s/trigger")).json()
    await client.post("/schedules/s/trigger")
    await client.patch("/schedules/s", json={"paused": True})
    await _end(space, client, first["job_id"])
    assert await _recent(client) == ["fired", "waiting"]
    await client.patch("/schedules/s", json={"paused": False})
    await eventually(lambda: _became(client, ["fired", "fired"]))


async def _became(client, wanted) -> bool:
    assert await _recent(client) == wanted
    return True


async def test_cancel_older_ends_a_job_that_nobody_started(space, client):
    await _make(client, overlap="cancel_older")
    first = (await client.post("/schedules/s/trigger")).json()
    second = await client.post("/schedules/s/trigger")
    assert second.status_code == 201
    assert (await _job(client, first["job_id"]))["status"] == "CANCELLED"
    events = await space.fetch("SELECT job_id, kind, detail FROM job_events")
    assert [(str(row["job_id"]), row["kind"]) for row in events] == [(first["job_id"], "cancelled")]
    # A late word of the cancelled one changes nothing.
    await report(space, await _job(client, first["job_id"]), EventKind.COMPLETED)
    await _end(space, client, second.json()["job_id"])
    assert (await _job(client, first["job_id"]))["status"] == "CANCELLED"


async def test_cancel_older_ends_a_running_job_too(space, client):
    await _make(client, overlap="cancel_older")
    first = (await client.post("/schedules/s/trigger")).json()
    await report(space, await _job(client, first["job_id"]), EventKind.RUNNING, lease_s=60.0)

    async def running():
        return (await _job(client, first["job_id"]))["status"] == "RUNNING"

    await eventually(running)
    second = await client.post("/schedules/s/trigger")
    assert second.status_code == 201
    cancelled = await _job(client, first["job_id"])
    assert (cancelled["status"], cancelled["last_error"]) == (
        "CANCELLED",
        "cancelled: replaced by the next tick of s",
    )

    async def told():
        return [record.key for record in await read_all(space, space.topics.control) if record.key != GATES_KEY]

    assert await eventually(told, what="the workers are told") == [first["job_id"].encode()]
    assert await _recent(client) == ["fired", "fired"]
    await _end(space, client, second.json()["job_id"])


async def test_a_tick_whose_job_is_refused_cancels_nothing(space, client):
    await _make(client, cron="0 * * * * *", overlap="cancel_older")
    first = (await client.post("/schedules/s/trigger")).json()
    await announce(space, "example", payload_schema={"type": "object", "required": ["to"]})

    async def strict():
        return (await client.post("/jobs", json=JOB)).status_code == 422

    await eventually(strict, what="the new schema is known")
    await space.execute("UPDATE schedules SET next_at = date_trunc('minute', now())")
    client.process._scheduler.wake()

    async def refused():
        # Not the schedule's last tick: the trigger's is later than the beginning of its minute.
        return await space.fetch("SELECT FROM schedule_fires WHERE status = 'refused'")

    await eventually(refused)
    assert (await _job(client, first["job_id"]))["status"] == "PENDING"


async def _absent(space, start_inside, **fields) -> list:
    """A schedule whose api was away for five hours: how many ticks were made up for, whether the last one
    is among them, and whether some were given up."""
    await announce(space, "example")
    front = await start_inside()
    await eventually(lambda: front.process.catalogue.known("example"), what="the type is known")
    await _make(front, cron=f"{_ten_minutes_ago().minute} * * * *", **fields)
    [row] = await space.fetch("UPDATE schedules SET next_at = next_at - interval '5 hours' RETURNING next_at")
    leader = await start_inside(roles=("http", "leader"))

    async def caught_up():
        [now] = await space.fetch("SELECT next_at > now() AS ahead FROM schedules")
        return now["ahead"]

    await eventually(caught_up, what="the leader has looked at the schedule")
    metrics = (await leader.get("/metrics")).text
    lost = 'jobstream_telemetry_events_total{event="schedule.missed"} 1.0' in metrics
    ticks = [fire["tick"] for fire in reversed((await leader.get("/schedules/s/fires")).json()["recent"])]
    due = [row["next_at"] + n * HOUR for n in range(5)]
    assert set(ticks) <= {tick.isoformat().replace("+00:00", "Z") for tick in due}
    return [len(ticks), ticks[-1:] == [due[-1].isoformat().replace("+00:00", "Z")], lost]


@pytest.mark.parametrize(
    ("fields", "number", "last", "lost"),
    [
        ({"missed": "skip"}, 0, False, True),
        ({"missed": "once"}, 1, True, True),
        ({"missed": "all", "missed_window_s": 10_000}, 3, True, True),
        ({"missed": "all", "missed_window_s": 86_400}, 5, True, False),
        ({"missed": "all", "missed_window_s": 86_400, "overlap": "skip"}, 5, True, False),
    ],
)
async def test_missed_ticks(space, start_inside, fields, number, last, lost):
    assert await _absent(space, start_inside, **fields) == [number, last, lost]
    assert await space.count("jobs") == (1 if fields.get("overlap") == "skip" else number)


async def test_a_backfill_makes_the_jobs_that_are_not_there_yet(space, client):
    end = _ten_minutes_ago()
    await _make(client, cron=f"{end.minute} * * * *", overlap="skip")
    span = {"from": (end - 5 * HOUR).isoformat(), "to": end.isoformat(), "overlap": "allow"}
    filled = await client.post("/schedules/s/backfill", json=span)
    assert filled.status_code == 200, filled.text
    items = filled.json()["items"]
    assert [datetime.fromisoformat(item["tick"]) for item in items] == [end - n * HOUR for n in range(5, 0, -1)]
    assert {(item["origin"], item["status"]) for item in items} == {("backfill", "fired")}
    wider = span | {"from": (end - 7 * HOUR).isoformat()}
    again = (await client.post("/schedules/s/backfill", json=wider)).json()["items"]
    assert again[2:] == items
    assert await space.count("jobs") == 7
    jobs = (await client.get("/jobs", params={"tag": f"tick:{items[0]['tick']}"})).json()["items"]
    assert [job["id"] for job in jobs] == [items[0]["job_id"]]


async def test_a_backfill_takes_up_what_was_skipped_and_queues_by_default(space, client):
    end = _ten_minutes_ago()
    schedule = await _make(client, cron=f"{end.minute} * * * *", overlap="skip")
    await space.execute(
        "INSERT INTO schedule_fires (schedule_id, tick, origin, status, reason)"
        " VALUES ($1::text::uuid, $2, 'tick', 'skipped', 'overlap')",
        schedule["id"],
        end - HOUR,
    )
    span = {"from": (end - 2 * HOUR).isoformat(), "to": end.isoformat()}
    items = (await client.post("/schedules/s/backfill", json=span)).json()["items"]
    assert [item["status"] for item in items] == ["fired", "waiting"]
    await _end(space, client, items[0]["job_id"])
    await eventually(lambda: _became(client, ["fired", "fired"]))


async def test_a_backfill_is_bounded(client):
    await _make(client, cron="* * * * *")
    start = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(days=2)
    span = {"from": start.isoformat(), "to": (start + timedelta(days=1)).isoformat()}
    answer = await client.post("/schedules/s/backfill", json=span)
    assert (answer.status_code, answer.json()["code"], answer.json()["field"]) == (422, "too_many_ticks", "/to")
    most = start + timedelta(minutes=1000)
    assert f"{most:%FT%TZ}" in answer.json()["detail"]
    filled = await client.post("/schedules/s/backfill", json=span | {"to": most.isoformat()})
    assert len(filled.json()["items"]) == 1000


async def test_a_backfill_before_the_schedule_was_made_says_from_when_it_counts(client):
    made = await _make(client, cron="@every 1h")
    end = _ten_minutes_ago()
    span = {"from": (end - HOUR).isoformat(), "to": end.isoformat()}
    answer = await client.post("/schedules/s/backfill", json=span)
    assert (answer.status_code, answer.json()["code"], answer.json()["field"]) == (422, "invalid_field", "/from")
    assert f"counts from {datetime.fromisoformat(made['created_at']):%FT%TZ}" in answer.json()["detail"]
    across = span | {"to": datetime.now(UTC).isoformat()}
    assert (await client.post("/schedules/s/backfill", json=across)).json()["items"] == []


async def test_fires_are_forgotten_after_a_month_but_not_what_is_under_way(space, client):
    await _make(client)
    for _ in range(2):
        await client.post("/schedules/s/trigger")
    first, second = await space.fetch("SELECT * FROM schedule_fires ORDER BY tick")
    await space.execute("UPDATE schedule_fires SET at = now() - interval '31 days'")
    await _end(space, client, str(first["job_id"]))
    async with client.process.database.connection() as connection:
        await fires.tidy(connection)
    left = await space.fetch("SELECT job_id, open FROM schedule_fires")
    assert [(row["job_id"], row["open"]) for row in left] == [(second["job_id"], True)]
