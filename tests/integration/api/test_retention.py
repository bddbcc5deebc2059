"""What is old enough is forgotten, and nothing else; nobody is held up."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from jobstream.contracts.events import EventKind
from jobstream.ids import id_floor, idempotent_id, new_id
from jobstream_api.infrastructure import partitions
from jobstream_api.infrastructure.partitions import ensure_partitions, partition_name, week_of
from jobstream_api.services.retention import Retention
from tests.integration.api.doors import announce, report
from tests.support.eventually import eventually

pytestmark = pytest.mark.integration

DAY_S = 86_400.0
NOW = datetime.now(UTC)


def old_id(days: float, number: int = 0) -> UUID:
    """An id of a job that came so many days ago."""
    low = new_id().int & ((1 << 62) - 1)
    return UUID(int=id_floor(NOW - timedelta(days=days)).int | 7 << 76 | (number & 0xFFF) << 64 | 0b10 << 62 | low)


async def put(space, days: float, status: str, *, count: int = 1, job_id: UUID | None = None, **columns) -> list[UUID]:
    """Rows of jobs that came and ended so many days ago."""
    ids = [job_id] if job_id else [old_id(days, number) for number in range(count)]
    at = NOW - timedelta(days=days)
    over = status in ("COMPLETED", "FAILED", "CANCELLED")
    names = "".join(f", {name}" for name in columns)
    values = "".join(f", ${place}" for place in range(6, 6 + len(columns)))
    await space.execute(
        "INSERT INTO jobs (id, type, queue, payload, status, created_at, finished_at, result"
        f"{names}) SELECT id, 'example', 'default', '{{}}', $2, $3, $4, $5::jsonb{values}"
        " FROM unnest($1::uuid[]) AS id",
        ids,
        status,
        at,
        at if over else None,
        '{"n": 1}' if status == "COMPLETED" else None,
        *columns.values(),
    )
    return ids


async def walk(space, client, **settings) -> Retention:
    """One whole walk of the leader."""
    retention = Retention(space.settings(**settings), client.process.database)
    while await retention.turn() < retention.rest_s:
        pass
    return retention


@pytest.fixture
async def past(space):
    """Partitions of the weeks up to twelve weeks ago, as they would be there."""
    async with space.connection() as connection:
        for weeks in (12, 6):
            await ensure_partitions(connection, NOW - timedelta(weeks=weeks))


async def tables(space) -> list[str]:
    async with space.connection() as connection:
        return [partition_name(week) for week in await partitions.weeks(connection)]


async def test_jobs_go_by_their_state_and_weeks_that_are_empty_are_dropped(space, past, inside):
    await put(space, 60, "COMPLETED", count=2500)
    await put(space, 45, "FAILED", count=3)
    await put(space, 45, "CANCELLED", count=3)
    await put(space, 8, "COMPLETED", count=3)
    foreign = idempotent_id("topic", "a key")
    await put(space, 8, "COMPLETED", job_id=foreign)
    kept = [
        *await put(space, 20, "FAILED", count=2),
        *await put(space, 20, "CANCELLED", count=2),
        *await put(space, 6, "COMPLETED", count=2),
        *await put(space, 80, "RUNNING"),
        *await put(space, 60, "PENDING", dispatch=0, dispatch_at=NOW + timedelta(days=300)),
        *await put(space, 1, "FAILED", job_id=idempotent_id("topic", "another key")),
    ]
    await space.execute("INSERT INTO job_events (job_id, kind, attempt) SELECT id, 'retried', 1 FROM jobs")
    await space.execute(
        "INSERT INTO unique_claims (hash, job_id) SELECT uuid_send(id), id FROM jobs WHERE status <> 'PENDING'"
    )
    before = await tables(space)
    await walk(space, inside)
    assert {row["id"] for row in await space.fetch("SELECT id FROM jobs")} == set(kept)
    assert {row["job_id"] for row in await space.fetch("SELECT job_id FROM job_events")} == set(kept)
    assert await space.count("unique_claims") == len(kept) - 1
    occupied = {partition_name(week_of(NOW - timedelta(days=days))) for days in (80, 60, 20, 6)}
    after = await tables(space)
    assert occupied <= set(after)
    gone = set(before) - set(after)
    long_ago = {name for name in before if name < partition_name(week_of(NOW - timedelta(weeks=1)))}
    assert gone == long_ago - occupied
    assert len(gone) > 5
    # Really dropped, not just detached.
    assert await space.fetch("SELECT 1 FROM pg_class WHERE relname = ANY($1) AND relkind = 'r'", list(gone)) == []


async def test_a_cancelled_job_stays_as_long_as_its_run_holds_a_permit(space, past, inside):
    over, runs = NOW - timedelta(days=1), NOW + timedelta(days=1)
    await put(space, 60, "CANCELLED", lane="a lane", lease_expires_at=over)
    [kept] = await put(space, 60, "CANCELLED", lane="a lane", lease_expires_at=runs)
    await walk(space, inside)
    assert [row["id"] for row in await space.fetch("SELECT id FROM jobs")] == [kept]


async def test_zero_keeps_for_ever(space, past, inside):
    await put(space, 60, "COMPLETED", count=3)
    await put(space, 60, "FAILED", count=3)
    await walk(space, inside, retention_completed_s=0)
    assert await space.statuses() == {"COMPLETED": 3}
    before = await tables(space)
    await walk(space, inside, retention_completed_s=0, retention_failed_s=0, retention_cancelled_s=0)
    assert await space.statuses() == {"COMPLETED": 3}
    assert await tables(space) == before


async def test_a_result_may_go_before_its_job(space, past, inside):
    [young], [old] = await put(space, 1, "COMPLETED"), await put(space, 3, "COMPLETED")
    await walk(space, inside, retention_results_s=2 * DAY_S)
    shown = {job_id: (await inside.get(f"/jobs/{job_id}")).json() for job_id in (young, old)}
    assert (shown[young]["result"], shown[young]["result_expired"]) == ({"n": 1}, False)
    assert (shown[old]["result"], shown[old]["result_expired"], shown[old]["status"]) == (None, True, "COMPLETED")


async def test_the_rest_goes_by_its_own_age(space, past, inside):
    for days in (20, 40):
        await space.execute(
            'INSERT INTO dead_letters (id, topic, partition, "offset", reason, detail) VALUES ($1, $2, 0, 0, $2, $2)',
            old_id(days),
            f"{days} days",
        )
    [ended] = await put(space, 2, "COMPLETED")
    [waits] = await put(space, 2, "PENDING")
    for name, job_id, days, headers in (
        ("over", ended, 2, None),
        ("over, but young", ended, 0.5, None),
        ("due", waits, 2, None),
        ("no job record", ended, 2, "[]"),
    ):
        await space.execute(
            "INSERT INTO outbox (id, job_id, topic, headers, created_at) VALUES ($1, $2, $3, $4::jsonb, $5)",
            old_id(days),
            job_id,
            name,
            headers,
            NOW - timedelta(days=days),
        )
    for name, hours in (("past", -1), ("ahead", 1)):
        until = NOW + timedelta(hours=hours)
        await space.execute(
            "INSERT INTO idempotency_keys VALUES ('submit', $1, '', '{}', NULL, now(), $2)", name, until
        )
        await space.execute("INSERT INTO unique_claims VALUES ($1, $2, now(), $3)", name.encode(), waits, until)
    await walk(space, inside)
    assert [row["topic"] for row in await space.fetch("SELECT topic FROM dead_letters")] == ["20 days"]
    left = {row["topic"] for row in await space.fetch("SELECT topic FROM outbox")}
    assert left == {"over, but young", "due", "no job record"}
    assert [row["key"] for row in await space.fetch("SELECT key FROM idempotency_keys")] == ["ahead"]
    assert [row["hash"] for row in await space.fetch("SELECT hash FROM unique_claims")] == [b"ahead"]


async def test_submits_go_on_meanwhile_and_a_reader_puts_the_drop_off(space, past, inside):
    await put(space, 60, "COMPLETED", count=3000)
    week = partition_name(week_of(NOW - timedelta(days=60)))
    loop = asyncio.get_running_loop()
    took: list[float] = []
    done = asyncio.Event()

    async def submits():
        while not done.is_set():
            began = loop.time()
            answer = await inside.post("/jobs", json={"payload": {"task": "example"}})
            took.append(loop.time() - began)
            assert answer.status_code == 201

    async with space.connection() as reader:
        transaction = reader.transaction()
        await transaction.start()
        await reader.fetch("SELECT count(*) FROM jobs")  # as pg_dump does for hours
        posting = asyncio.create_task(submits())
        await walk(space, inside)
        done.set()
        await posting
        assert week in await tables(space)
        await transaction.rollback()
    assert await space.statuses() == {"PENDING": len(took)}
    assert max(took) < 2.0
    await walk(space, inside)
    assert week not in await tables(space)


async def test_a_late_event_of_a_forgotten_job_is_no_dead_letter(space, start_inside):
    await announce(space, "example")
    client = await start_inside(roles=("http", "applier"))
    for job_id in (old_id(10), new_id()):
        await report(space, {"id": str(job_id), "type": "example"}, EventKind.COMPLETED)

    async def read():
        letters = (await client.get("/dead-letters")).json()["items"]
        assert [letter["job_id"] for letter in letters] == [str(job_id)]
        return True

    await eventually(read, what="the event of a job that never was is dead-lettered")
    assert 'jobstream_telemetry_events_total{event="event.dropped"} 1.0' in (await client.get("/metrics")).text


async def test_the_leader_does_it_and_tells_how_much(space, past, start_inside):
    await put(space, 60, "COMPLETED", count=1200)
    client = await start_inside(roles=("http", "leader"), retention_interval_s=0.2)

    async def counted():
        text = (await client.get("/metrics")).text
        assert 'jobstream_retention_removed_total{kind="completed"} 1200.0' in text
        dropped = [line for line in text.splitlines() if line.startswith('jobstream_retention_removed_total{kind="pa')]
        assert float(dropped[0].split()[-1]) > 5
        return True

    await eventually(counted, what="the walk is done")
    assert await space.count("jobs") == 0
