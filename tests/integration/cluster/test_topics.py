"""`jobstream topics` against a broker: idempotent, additive, harmless in a crowd."""

import asyncio
import json
import os
import subprocess
import sys
from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from jobstream.errors import BrokerUnavailable
from jobstream.kafka import topics
from jobstream.kafka.topics import Kind
from jobstream.local.ports import free_port
from jobstream.settings import Settings

pytestmark = pytest.mark.integration


@pytest.fixture
def wanted(cluster, tmp_path) -> Settings:
    """Settings with a prefix of their own on the suite's broker."""
    return Settings(
        _env_file=None,  # type: ignore[call-arg]
        kafka_bootstrap_servers=cluster.env["JOBSTREAM_KAFKA_BOOTSTRAP_SERVERS"],
        topic_prefix=f"topics-{tmp_path.name[-40:]}-{os.getpid()}.",
        topic_partitions=2,
    )


@pytest.fixture
async def admin(wanted):
    client = AIOKafkaAdminClient(bootstrap_servers=wanted.kafka_bootstrap_servers)
    await client.start()
    yield client
    await client.close()
    await topics.delete(wanted)


async def config_of(admin: AIOKafkaAdminClient, name: str) -> dict[str, str]:
    (answer,) = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name)])
    return {entry[0]: entry[1] for entry in answer.resources[0][4]}


async def test_several_processes_at_once_make_each_topic_once(wanted, admin):
    done = await asyncio.gather(*(topics.apply(wanted) for _ in range(4)))
    assert {change.kind for changes in done for change in changes} == {Kind.CREATE}
    assert await topics.plan(wanted) == []
    assert await topics.apply(wanted) == []


async def test_partitions_grow_and_never_shrink(wanted, admin):
    await topics.apply(wanted)
    more = wanted.model_copy(update={"topic_partitions": 5})
    grown = await asyncio.gather(*(topics.apply(more) for _ in range(3)))
    assert {change.kind for changes in grown for change in changes} == {Kind.GROW}
    assert await topics.plan(more) == []
    assert await topics.plan(wanted) == []


async def test_a_setting_is_put_right_and_those_of_others_stay(wanted, admin):
    name = f"{wanted.topic_prefix}jobs.created"
    others = {"retention.ms": "1000", "segment.ms": "600000"}
    await admin.create_topics([NewTopic(name, 2, 1, topic_configs=others)])
    await topics.apply(wanted)
    config = await config_of(admin, name)
    assert config["retention.ms"] == str(7 * 24 * 3600 * 1000)
    assert config["segment.ms"] == "600000"


def command(wanted: Settings, *arguments: str, **env: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "jobstream.cli", "topics", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        env={
            **os.environ,
            "JOBSTREAM_KAFKA_BOOTSTRAP_SERVERS": wanted.kafka_bootstrap_servers,
            "JOBSTREAM_TOPIC_PREFIX": wanted.topic_prefix,
            "JOBSTREAM_TOPIC_PARTITIONS": "2",
            **env,
        },
    )


async def test_the_exit_codes_of_plan_and_apply(wanted, admin):
    async def run(*arguments: str, **env: str) -> Any:
        return await asyncio.to_thread(command, wanted, *arguments, **env)

    planned = await run("plan", "-o", "json")
    assert planned.returncode == 2
    changes = json.loads(planned.stdout)["changes"]
    assert {change["change"] for change in changes} == {"create"}

    applied = await run("apply")
    assert applied.returncode == 0
    assert len(applied.stdout.splitlines()) == len(changes)
    assert f"create {wanted.topic_prefix}jobs.status: 2 partitions" in applied.stdout

    again = await run("plan")
    assert (again.returncode, again.stdout) == (0, "")

    wrong = await run("plan", JOBSTREAM_TOPIC_PARTITIONS="0")
    assert wrong.returncode == 2
    assert "JOBSTREAM_TOPIC_PARTITIONS" in wrong.stderr


async def test_a_broker_that_is_not_there_is_an_error_with_a_fix(wanted):
    nobody = wanted.model_copy(update={"kafka_bootstrap_servers": f"127.0.0.1:{free_port()}"})
    with pytest.raises(BrokerUnavailable, match="JOBSTREAM_KAFKA_BOOTSTRAP_SERVERS"):
        await topics.plan(nobody)
