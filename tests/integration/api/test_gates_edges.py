"""Times at the edge of the calendar, where a job has a gate to pass."""

import pytest

from tests.integration.api.conftest import Inside
from tests.support.eventually import eventually
from tests.support.flow import put_limit
from tests.support.space import Space

pytestmark = pytest.mark.integration


async def test_a_limited_job_that_was_due_long_ago_can_be_read(inside: Inside):
    await put_limit(inside, "few", kind="concurrency", limit=1, types=["example"])
    body = {"type": "example", "payload": {}, "run_at": "1970-01-01T00:00:00Z", "priority": 9}
    sent = await inside.post("/jobs", json=body)
    assert sent.status_code == 201
    read = await inside.get(f"/jobs/{sent.json()['id']}")
    assert (read.status_code, read.json()["status"]) == (200, "PENDING")
    assert (await inside.get("/jobs")).status_code == 200


@pytest.mark.parametrize("run_at", ["0001-01-01T00:00:00Z", "1969-12-31T23:59:59Z", "9999-12-31T23:59:59Z"])
async def test_times_that_no_job_can_mean_are_refused_by_name(inside: Inside, run_at: str):
    answer = await inside.post("/jobs", json={"type": "example", "payload": {}, "run_at": run_at})
    assert (answer.status_code, answer.json()["field"]) == (422, "/run_at")


async def test_a_record_with_flow_control_of_a_wrong_type_is_a_dead_letter_that_names_the_field(
    space: Space, start_inside
):
    await start_inside(roles=("intake",))
    for name, value in (("priority", "high"), ("priority", 10), ("delay_s", -1), ("start_within_s", 2**63)):
        await space.produce([{"type": "example", "payload": {}, name: value}])

    async def letters():
        rows = await space.fetch('SELECT field FROM dead_letters ORDER BY partition, "offset"')
        return len(rows) == 4 and sorted(row["field"] for row in rows)

    assert await eventually(letters) == ["/delay_s", "/priority", "/priority", "/start_within_s"]


async def test_what_a_rate_was_used_is_forgotten_once_it_says_nothing_any_more(space: Space, start_inside):
    await space.execute(
        "INSERT INTO limit_usage (name, key, tat) VALUES "
        "('few', 'old', now() - interval '1 hour'), ('few', 'busy', now() + interval '1 hour')"
    )
    await start_inside(roles=("leader",))

    async def left():
        return [row["key"] for row in await space.fetch("SELECT key FROM limit_usage")] == ["busy"]

    await eventually(left, what="only what still counts is kept")
