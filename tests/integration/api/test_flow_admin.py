"""Limits, queues and pauses as operators set them: kept, told to every process, taken back."""

from datetime import UTC, datetime, timedelta

import orjson
import pytest

from jobstream.contracts.control import GATES_KEY, Gates
from jobstream.contracts.flow import Limit
from jobstream.ids import new_id
from jobstream_api.domain.flow import Lane
from tests.integration.api.doors import announce, read_all
from tests.support.eventually import eventually

pytestmark = pytest.mark.integration

MAIL = Limit(name="mail", kind="rate", limit=50, period_s=60.0, key="$.customer")
SOON_S = 2.0


async def gates(space, at_least: int = 1) -> list[Gates]:
    """What the control topic says of gates, in order."""
    records = await read_all(space, space.topics.control, at_least=at_least)
    return [Gates.read(orjson.loads(record.value)) for record in records if record.key == GATES_KEY]


async def known(client, *types: str) -> None:
    await eventually(lambda: all(map(client.process.catalogue.known, types)), what=f"{types} are known")


async def put_job(space, lane: Lane, *, dispatch_at: str | None, created_at: datetime | None = None) -> None:
    """A job of a lane, as the dispatcher keeps it; without ``dispatch_at`` it has its permit."""
    await space.execute(
        "INSERT INTO jobs (id, type, queue, payload, lane, dispatch_at, rank_at, created_at) "
        "VALUES ($1, $2, $3, '{}', $4, CAST($5::text AS timestamptz), now(), coalesce($6, now()))",
        new_id(),
        lane.type,
        lane.queue,
        lane.to_text(),
        dispatch_at,
        created_at,
    )


AT_THE_GATE = "infinity"


async def test_a_job_that_an_api_put_into_a_lane_of_older_rules_is_brought_into_its_own(space, start_inside):
    client = await start_inside(roles=("http", "leader"))
    await announce(space, "email.send", limits=[MAIL])
    await known(client, "email.send")
    await client.post("/job-types/email.send/pause")
    limit = {"kind": "concurrency", "limit": 1, "types": ["email.send"]}
    assert (await client.put("/limits/few", json=limit)).status_code in (200, 201)
    await eventually(lambda: relaned(space), what="all lie in their lanes")
    await put_job(space, Lane("default", "email.send", (("mail", ""),)), dispatch_at=AT_THE_GATE)

    async def in_its_lane():
        rows = await space.fetch("SELECT lane FROM jobs")
        return [Lane.of_text(row["lane"]).limits for row in rows] == [(("few", ""), ("mail", ""))]

    await eventually(in_its_lane, timeout=10, what="it has both limits")


async def relaned(space) -> bool:
    return await relane(space) == []


async def test_what_handlers_declare_holds_until_an_operator_sets_something_else(space, start_inside):
    client = await start_inside()
    await announce(space, "email.send", limits=[MAIL], strict_order=True)
    await announce(space, "email.digest", limits=[MAIL, Limit(kind="concurrency", limit=3)])
    await known(client, "email.send", "email.digest")

    listed = {item["name"]: item for item in (await client.get("/limits")).json()["items"]}
    assert sorted(listed) == ["email.digest.concurrency", "mail"]
    assert listed["mail"] == {
        "name": "mail",
        "kind": "rate",
        "limit": 50,
        "period_s": 60.0,
        "burst": None,
        "key": "$.customer",
        "max_waiting": None,
        "types": ["email.digest", "email.send"],
        "declared": True,
        "overridden": False,
        "running": 0,
        "waiting": 0,
        "capped": False,
        "keys": [],
    }
    [shown] = [item for item in (await client.get("/job-types")).json()["items"] if item["type"] == "email.send"]
    assert (shown["strict_order"], shown["paused"], shown["limits"][0]["name"]) == (True, False, "mail")

    put = await client.put("/limits/mail", json={"limit": 5, "types": ["email.send"]})
    assert put.status_code == 200, put.text
    assert (put.json()["limit"], put.json()["period_s"], put.json()["key"]) == (5, 60.0, "$.customer")
    assert (put.json()["declared"], put.json()["overridden"]) == (True, True)
    assert client.process.flow.rules.limits["mail"].rule.limit == 5

    assert (await client.delete("/limits/mail")).status_code == 204
    back = (await client.get("/limits/mail")).json()
    assert (back["limit"], back["overridden"]) == (50, False)
    gone = await client.delete("/limits/mail")
    assert (gone.status_code, gone.json()["code"]) == (404, "limit_not_set")


async def test_a_setting_survives_restarts_and_holds_in_every_process_at_once(space, start_inside):
    await announce(space, "example")
    first, second = await start_inside(), await start_inside()
    for client in (first, second):
        await known(client, "example")
        await eventually(lambda client=client: client.process.flow.loaded, what="its rules are loaded")
    setting = {"kind": "concurrency", "limit": 2, "key": "account.id", "types": ["example"], "max_waiting": 9}
    assert (await first.put("/limits/accounts", json=setting)).status_code == 200
    wanted = Limit(name="accounts", kind="concurrency", limit=2, key="$.account.id", max_waiting=9)

    def has(client) -> bool:
        limit = client.process.flow.rules.limits.get("accounts")
        return limit is not None and limit.rule == wanted and limit.types == {"example"}

    await eventually(lambda: has(second), timeout=SOON_S, what="the other process has it")
    lane = second.process.flow.lane("example", "default", None, {"account": {"id": 7}})
    assert Lane.of_text(lane).limits == (("accounts", "7"),)
    assert lane == first.process.flow.lane("example", "default", None, {"account": {"id": 7}})
    assert second.process.flow.lane("other", "default", None, {}) is None

    assert (await second.post("/job-types/example/pause")).json()["paused"] is True
    await eventually(lambda: first.process.flow.rules.paused == {"example"}, timeout=SOON_S, what="so is the pause")
    third = await start_inside()
    await eventually(lambda: has(third), what="a process that starts later has it")


async def test_workers_are_told_of_each_change_with_a_rising_version(space, start_inside):
    await announce(space, "example", "other")
    client = await start_inside()
    await known(client, "example", "other")
    assert (await client.put("/limits/one", json={"kind": "rate", "limit": 1, "types": ["example"]})).status_code == 200
    assert (await client.patch("/queues/high", json={"mode": "managed", "fair_by": "$.tenant"})).status_code == 200
    assert (await client.post("/queues/low/pause")).json()["paused"] is True
    assert (await client.post("/job-types/other/pause")).status_code == 200
    assert (await client.post("/queues/low/resume")).json()["paused"] is False
    assert (await client.delete("/limits/one")).status_code == 204

    told = await gates(space, 6)
    assert [(each.types, each.managed, each.paused) for each in told] == [
        (["example"], [], []),
        (["example"], ["high"], []),
        (["example"], ["high"], ["low"]),
        (["example", "other"], ["high"], ["low"]),
        (["example", "other"], ["high"], []),
        (["other"], ["high"], []),
    ]
    assert [each.version for each in told] == list(range(told[0].version, told[0].version + 6))
    await eventually(lambda: client.process.relay.held == 0, what="the outbox is empty")
    assert await space.count("outbox") == 0


async def test_what_changes_nothing_is_no_change(space, start_inside):
    await announce(space, "example")
    client = await start_inside()
    await known(client, "example")
    setting = {"kind": "rate", "limit": 1, "types": ["example"]}
    for _ in range(3):
        assert (await client.put("/limits/one", json=setting)).status_code == 200
        assert (await client.patch("/queues/low", json={"paused": False, "weights": {}})).status_code == 200
    await announce(space, "example", description="the same limits")
    await eventually(lambda: client.process.catalogue.get("example").description, what="the announcement was read")
    assert len(await gates(space)) == 1


async def relane(space) -> list[str]:
    [row] = await space.fetch("SELECT relane FROM flow")
    return sorted(row["relane"])


async def test_only_what_changes_lanes_has_waiting_jobs_looked_at_again(space, start_inside):
    await announce(space, "a")
    await announce(space, "b", limits=[MAIL])
    client = await start_inside()
    await known(client, "a", "b")
    assert await relane(space) == ["b"]

    async def after(method: str, path: str, document=None) -> list[str]:
        await space.execute("UPDATE flow SET relane = '{}'")
        answer = await client.request(method, path, json=document)
        assert answer.status_code in (200, 204), answer.text
        return await relane(space)

    assert await after("PUT", "/limits/mail", {"limit": 7, "period_s": 1, "burst": 2, "max_waiting": 5}) == []
    assert await after("PUT", "/limits/mail", {"limit": 7, "types": ["a"]}) == ["a"]
    assert await after("PUT", "/limits/mail", {"limit": 7, "types": ["a"], "key": None}) == ["a", "b"]
    assert await after("DELETE", "/limits/mail") == ["a", "b"]
    assert await after("POST", "/job-types/a/pause") == ["a"]
    assert await after("POST", "/queues/default/pause") == []
    assert await after("PATCH", "/queues/default", {"mode": "managed"}) == ["*"]
    assert await after("PATCH", "/queues/default", {"weights": {"acme": 3}}) == []
    assert await after("PATCH", "/queues/default", {"fair_by": "$.tenant"}) == ["*"]
    assert await after("PATCH", "/queues/default", {"mode": None}) == ["*"]


async def test_a_handler_that_declares_other_gates_is_told_of(space, start_inside):
    client = await start_inside()
    await announce(space, "example", limits=[MAIL])
    await known(client, "example")
    await announce(space, "example", limits=[], strict_order=True)
    await eventually(lambda: client.process.flow.rules.strict == {"example"}, what="the newer announcement counts")
    assert client.process.flow.rules.limits == {}
    await announce(space, "example")
    await eventually(lambda: not client.process.flow.gated, what="it has no gate any more")
    assert [each.types for each in await gates(space, 3)] == [["example"], ["example"], []]
    [row] = await space.fetch("SELECT limits, strict_order FROM job_types")
    assert (row["limits"], row["strict_order"]) == ("[]", False)


async def test_a_new_leader_tells_the_workers_what_holds(space, start_inside):
    leader = await start_inside(roles=("http", "leader"), managed_queues=("low",))
    await eventually(lambda: leader.process.leader.leading, what="it leads")
    [told] = await gates(space)
    assert (told.types, told.managed, told.paused) == ([], ["low"], [])


async def test_without_kafka_rules_are_read_from_the_database(space, start_inside):
    await announce(space, "example")
    client = await start_inside()
    await known(client, "example")
    alone = await start_inside(kafka_bootstrap_servers="127.0.0.1:1")
    await eventually(lambda: alone.process.flow.loaded, what="its rules are loaded")
    assert (await client.put("/limits/one", json={"kind": "rate", "limit": 1, "types": ["example"]})).status_code == 200
    await eventually(lambda: "one" in alone.process.flow.rules.limits, what="it has read them again")
    [queue] = [item for item in (await alone.get("/queues")).json()["items"] if item["name"] == "default"]
    assert (queue["lag"], queue["depth"]) == (None, 0)


async def test_figures_count_permits_and_waiting_jobs(space, start_inside):
    await announce(space, "example", limits=[MAIL])
    client = await start_inside()
    await known(client, "example")
    hour_ago = datetime.now(UTC) - timedelta(hours=1)
    for number in range(12):
        lane = Lane("default", "example", (("mail", f"customer-{number:02}"),))
        await put_job(space, lane, dispatch_at=None)
        for _ in range(number):
            await put_job(space, lane, dispatch_at=AT_THE_GATE, created_at=hour_ago)
    lane = Lane("high", "example", (("mail", "customer-00"),))
    await put_job(space, lane, dispatch_at="2100-01-01")  # held, not at the gate

    limit = (await client.get("/limits/mail")).json()
    assert (limit["running"], limit["waiting"], limit["capped"]) == (12, 66, False)
    assert [each["key"] for each in limit["keys"]] == [f"customer-{number:02}" for number in range(11, 1, -1)]
    assert limit["keys"][0] == {"key": "customer-11", "running": 1, "waiting": 11}

    queues = {item["name"]: item for item in (await client.get("/queues")).json()["items"]}
    assert list(queues) == ["default", "high", "low"]
    assert (queues["default"]["waiting"], queues["default"]["lag"], queues["default"]["depth"]) == (66, 0, 66)
    assert 3600 <= queues["default"]["oldest_age_s"] < 3700
    assert (queues["high"]["waiting"], queues["high"]["oldest_age_s"]) == (1, None)

    await space.produce([{"payload": {"task": "example"}}] * 3, topic=space.topics.jobs("low"))

    async def seen() -> bool:
        low = (await client.get("/queues/low")).json()
        return (low["lag"], low["depth"], low["waiting"]) == (3, 3, 0)

    await eventually(seen, what="the lag is seen")


async def test_one_long_lane_hides_no_other(space, start_inside, monkeypatch):
    monkeypatch.setattr("jobstream_api.repositories.flow_figures.MAX_ROWS", 20)
    await announce(space, "example", limits=[MAIL])
    client = await start_inside()
    await known(client, "example")
    for key, number in (("acme", 30), ("bolt", 4)):
        for _ in range(number):
            await put_job(space, Lane("default", "example", (("mail", key),)), dispatch_at=AT_THE_GATE)
    limit = (await client.get("/limits/mail")).json()
    assert (limit["waiting"], limit["capped"]) == (14, True)
    assert [(each["key"], each["waiting"]) for each in limit["keys"]] == [("acme", 10), ("bolt", 4)]


async def test_types_must_be_known_unless_settings_accept_all(space, start_inside):
    await announce(space, "example")
    strict = await start_inside()
    await known(strict, "example")
    setting = {"kind": "rate", "limit": 1, "types": ["example", "nobody"]}
    refused = await strict.put("/limits/one", json=setting)
    assert (refused.status_code, refused.json()["code"], refused.json()["field"]) == (422, "unknown_type", "/types/1")
    lenient = await start_inside(unknown_types="accept")
    assert (await lenient.put("/limits/one", json=setting)).json()["types"] == ["example", "nobody"]


async def test_what_is_not_there(space, start_inside):
    client = await start_inside()
    for method, path, document, code in (
        ("GET", "/limits/none", None, "limit_not_found"),
        ("DELETE", "/limits/none", None, "limit_not_set"),
        ("GET", "/queues/none", None, "queue_not_found"),
        ("PATCH", "/queues/none", {"paused": True}, "queue_not_found"),
        ("POST", "/queues/none/pause", None, "queue_not_found"),
        ("PATCH", "/job-types/none", {"paused": True}, "job_type_not_found"),
        ("POST", "/job-types/none/resume", None, "job_type_not_found"),
    ):
        answer = await client.request(method, path, json=document)
        assert (answer.status_code, answer.json()["code"]) == (404, code), path
    bare = await client.put("/limits/none", json={"kind": "rate", "limit": 1})
    assert (bare.status_code, bare.json()["field"]) == (422, "/types")
    assert await space.count("limits") == 0
    assert await space.count("queues") == 0
