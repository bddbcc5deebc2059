"""Permits in the database: what a rate owes, what comes back, and who may not pass."""

import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from jobstream_api.infrastructure.database import Database
from jobstream_api.repositories import gates
from tests.integration.api.doors import announce
from tests.support.eventually import eventually
from tests.support.flow import put_limit, submit
from tests.support.space import Space

pytestmark = pytest.mark.integration

BUCKET = ("mail", "")
INTERVAL_S = 0.01


@pytest.fixture
async def connection(space: Space) -> AsyncIterator[Any]:
    """One of our own to the tables of the space."""
    database = Database(space.settings())
    await database.open()
    try:
        async with database.connection() as found:
            yield found
    finally:
        await database.close()


async def now(connection: Any) -> float:
    """The database's time, seconds since 1970."""
    return float(await connection.fetchval("SELECT extract(epoch FROM clock_timestamp())::float8"))


async def owed(connection: Any) -> float:
    """The bucket's theoretical arrival time."""
    return (await gates.arrivals(connection, [BUCKET]))[BUCKET]


def unused(given_at: float, count: int) -> list[gates.Unused]:
    return [gates.Unused(BUCKET, datetime.fromtimestamp(given_at, UTC), INTERVAL_S)] * count


async def test_permits_come_back_once_the_bucket_is_full_those_before_do_not(connection: Any):
    first = await now(connection)
    await gates.spend(connection, first, {BUCKET: 100 * INTERVAL_S})
    assert await owed(connection) == pytest.approx(first + 1.0, abs=1e-4)
    await gates.refund(connection, unused(first, 40))
    assert await owed(connection) == pytest.approx(first + 0.6, abs=1e-4)
    # Of an outage: permits of a long time come back in one go, and fill the bucket. More of them are worth nothing.
    await gates.refund(connection, unused(first, 60))
    second = await now(connection)
    assert await owed(connection) <= second
    await gates.spend(connection, second, {BUCKET: 100 * INTERVAL_S})
    await gates.refund(connection, unused(first, 500))
    assert await owed(connection) == pytest.approx(second + 1.0, abs=1e-4)
    await gates.refund(connection, unused(second, 50))
    assert await owed(connection) == pytest.approx(second + 0.5, abs=1e-4)


async def test_what_comes_back_while_permits_are_handed_out_is_not_lost(connection: Any):
    first = await now(connection)
    await gates.spend(connection, first, {BUCKET: 1.0})
    # Between the look at the bucket and the permits that follow from it.
    await gates.refund(connection, unused(first, 50))
    await gates.spend(connection, first, {BUCKET: 0.2})
    assert await owed(connection) == pytest.approx(first + 0.7, abs=1e-4)


async def test_a_rate_that_is_raised_lets_jobs_pass_within_two_seconds(space: Space, start_inside):
    await announce(space, "example")
    client = await start_inside(roles=("http", "leader"))
    await eventually(lambda: client.process.catalogue.known("example"), what="the type is known")
    await put_limit(client, "few", kind="rate", limit=1, period_s=86_400, types=["example"])
    await submit(client, [{"type": "example", "payload": {}}] * 20)

    async def passed(count: int) -> bool:
        return (await space.fetch("SELECT count(*) AS n FROM jobs WHERE dispatch > 0"))[0]["n"] == count

    await eventually(lambda: passed(1), what="the one of the day has passed")
    await put_limit(client, "few", kind="rate", limit=100, period_s=1, types=["example"])
    raised = time.monotonic()
    await eventually(lambda: passed(20), what="all have passed by the new rate")
    assert time.monotonic() - raised < 2


async def test_a_job_does_not_pass_before_an_earlier_one_of_its_key_in_another_lane(
    space: Space, start_inside, connection: Any
):
    await announce(space, "example", strict_order=True)
    client = await start_inside()
    await eventually(lambda: client.process.flow.rules.strict == {"example"}, what="the order is known")
    jobs = [{"type": "example", "key": "k", "queue": queue, "payload": {}} for queue in ("low", "default")]
    earlier, later = [UUID(job["id"]) for job in await submit(client, jobs)]
    rows = await connection.fetch("SELECT id, lane FROM jobs")
    lanes = {row["id"]: row["lane"] for row in rows}
    assert lanes[earlier] != lanes[later]

    async def released(job_id: UUID) -> list[UUID]:
        return [entry.job.id for entry, _ in await gates.release(connection, {job_id: None}, lanes)]

    assert await released(later) == []
    read = (await client.get(f"/jobs/{later}")).json()
    assert (read["waiting_for"]["reason"], read["waiting_for"]["job_id"]) == ("order", str(earlier))
    assert (await client.post(f"/jobs/{earlier}/cancel")).status_code == 200
    assert await released(later) == [later]


async def test_a_job_does_not_pass_a_gate_that_it_was_not_seen_at(space: Space, inside, connection: Any):
    await put_limit(inside, "few", kind="concurrency", limit=1, key="$.customer", types=["example"])
    [job] = await submit(inside, [{"type": "example", "payload": {"customer": "a"}}])
    job_id = UUID(job["id"])
    [row] = await connection.fetch("SELECT lane FROM jobs")
    assert await gates.release(connection, {job_id: None}, {job_id: row["lane"].replace('"a"', '"b"')}) == []
    assert len(await gates.release(connection, {job_id: None}, {job_id: row["lane"]})) == 1


async def test_only_who_came_late_again_and_again_has_a_permit_without_end(space: Space, inside, connection: Any):
    await put_limit(inside, "few", kind="rate", limit=10, types=["example"])
    jobs = await submit(inside, [{"type": "example", "payload": {}}] * 2)
    often, late = [UUID(job["id"]) for job in jobs]
    await connection.execute("UPDATE jobs SET dispatch = 50 WHERE id = $1", often)  # it has snoozed for long
    await connection.execute("UPDATE jobs SET late = 11 WHERE id = $1", late)
    [row] = await connection.fetch("SELECT DISTINCT lane FROM jobs")
    permits = {often: 1.0, late: 1.0}
    released = await gates.release(connection, permits, dict.fromkeys(permits, row["lane"]))
    ends = {entry.job.id: entry.job.start_by for entry, _ in released}
    assert ends[late] is None
    assert ends[often] - datetime.now(UTC) < timedelta(seconds=2)


async def test_with_more_lanes_than_one_search_takes_every_lane_has_its_turn(space: Space, start_inside, monkeypatch):
    monkeypatch.setattr(gates, "MOST_LANES", 3)
    await announce(space, "example")
    client = await start_inside(roles=("http", "leader"))
    await eventually(lambda: client.process.catalogue.known("example"), what="the type is known")
    await put_limit(client, "few", kind="rate", limit=1, period_s=86_400, key="$.customer", types=["example"])
    other = await start_inside()  # its jobs are found by searching alone
    await eventually(lambda: other.process.flow.rules.limits, what="the limit is known")
    await submit(other, [{"type": "example", "payload": {"customer": n % 20}} for n in range(40)])

    async def passed() -> bool:
        return (await space.fetch("SELECT count(*) AS n FROM jobs WHERE dispatch > 0"))[0]["n"] == 20

    await eventually(passed, timeout=30, what="the first job of each customer has passed")
