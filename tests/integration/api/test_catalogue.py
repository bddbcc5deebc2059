"""Job types: learned from the workers' topic, kept in the table."""

from datetime import UTC, datetime, timedelta

import pytest

from jobstream.contracts.events import TypeAnnouncement
from tests.integration.api.doors import announce
from tests.support.eventually import eventually
from tests.support.poison import POISON

pytestmark = pytest.mark.integration

SCHEMA = {"type": "object", "properties": {"to": {"type": "string"}}, "required": ["to"]}


async def _listed(client):
    return {entry["type"]: entry for entry in (await client.get("/job-types")).json()["items"]}


async def test_types_are_listed_checked_and_kept_up_to_date(space, start_inside):
    client = await start_inside()
    assert await _listed(client) == {}
    await announce(space, "email", payload_schema=SCHEMA, description="Send a mail.", max_retries=5, timeout_s=30.0)

    async def known():
        return await _listed(client)

    [entry] = (await eventually(known, what="the type is listed")).values()
    assert (entry["description"], entry["max_retries"], entry["timeout_s"], entry["run_in"]) == (
        "Send a mail.",
        5,
        30.0,
        "loop",
    )
    assert entry["payload_schema"] == SCHEMA
    refused = await client.post("/jobs", json={"type": "email", "payload": {"to": 7}})
    assert (refused.status_code, refused.json()["field"]) == (422, "/payload/to")

    await announce(space, "email", payload_schema=None, max_retries=1)

    async def changed():
        return (await _listed(client))["email"]["max_retries"] == 1

    await eventually(changed, what="the newer announcement counts")
    assert (await client.post("/jobs", json={"type": "email", "payload": {"to": 7}})).status_code == 201


async def test_an_older_announcement_changes_nothing(space, start_inside):
    client = await start_inside()
    await announce(space, "email", max_retries=5)
    await eventually(lambda: client.process.catalogue.known("email"), what="the type is known")
    old = TypeAnnouncement(type="email", max_retries=9, at=datetime.now(UTC) - timedelta(days=1))
    await space.produce([old.to_json()], topic=space.topics.types, key=b"email")
    await announce(space, "marker")
    await eventually(lambda: client.process.catalogue.known("marker"), what="the later record was read")
    assert (await _listed(client))["email"]["max_retries"] == 5
    [row] = await space.fetch("SELECT max_retries FROM job_types WHERE type = 'email'")
    assert row["max_retries"] == 5


async def test_bad_records_are_skipped_and_counted(space, start_inside):
    bad = [poison.body for poison in POISON if poison.body is not None and len(poison.body) < 900_000]
    await space.produce(bad, topic=space.topics.types, key=b"bad")
    await space.produce([None], topic=space.topics.types, key=b"gone")
    await announce(space, "example")
    client = await start_inside()
    await eventually(lambda: client.process.catalogue.known("example"), what="the good record after them is read")
    assert client.process.catalogue.names() == ["example"]
    # The topic is compacted: of the bad ones with one key only the last may be left.
    assert 2 <= client.process.catalogue.bad_records <= len(bad) + 1


async def test_a_process_without_kafka_knows_what_the_table_knows(space, start_inside):
    await announce(space, "email", payload_schema=SCHEMA)
    client = await start_inside()

    async def kept():
        return await space.fetch("SELECT 1 FROM job_types")

    await eventually(kept, what="the type is in the table")
    alone = await start_inside(kafka_bootstrap_servers="127.0.0.1:1")
    await eventually(lambda: alone.process.catalogue.known("email"), what="the table was read")
    assert await _listed(alone) == await _listed(client)
    assert (await alone.post("/jobs", json={"type": "email", "payload": {}})).json()["field"] == "/payload/to"


async def test_unknown_types_may_be_accepted(space, start_inside):
    client = await start_inside(unknown_types="accept")
    answer = await client.post("/jobs", json={"payload": {"task": "nobody-knows"}})
    assert (answer.status_code, answer.json()["max_retries"]) == (201, 3)
