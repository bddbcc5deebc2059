"""Taskiq over Kafka, results in redis. ``submit`` on the command line submits."""

import sys
from typing import Any

import uvloop
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from aiokafka.partitioner import DefaultPartitioner
from kafka.admin import NewTopic
from redis.asyncio import Redis
from taskiq_aio_kafka import AioKafkaBroker
from taskiq_redis import RedisAsyncResultBackend

from bench.peers.address import KAFKA, REDIS
from bench.peers.submitter import obey

broker = AioKafkaBroker(
    KAFKA, kafka_topic=NewTopic(name="peer.taskiq", num_partitions=12, replication_factor=1)
).with_result_backend(RedisAsyncResultBackend(REDIS, result_ex_time=3600))
# Partitioner and assignor are named since the broker's own defaults do not go with kafka-python 3, which it installs.
broker.configure_producer(acks="all", linger_ms=2, partitioner=DefaultPartitioner())
broker.configure_consumer(
    group_id="peer-taskiq",
    auto_offset_reset="earliest",
    partition_assignment_strategy=(RoundRobinPartitionAssignor,),
)


@broker.task(task_name="run_job")
async def run_job(payload: dict[str, Any]) -> dict[str, str]:
    """The handler."""
    return {"output": "success"}


async def submit() -> None:
    """Submit as told on stdin."""
    await broker.startup()
    try:
        await obey(lambda: run_job.kiq({"task": "example", "value": 42}))
    finally:
        await broker.shutdown()


async def install() -> None:
    """Make the topic, before worker and submitter both want to."""
    await broker.startup()
    await broker.shutdown()


async def verify() -> None:
    """Read every result that redis holds; a wrong one ends the program with an error."""
    await broker.result_backend.startup()
    async with Redis.from_url(REDIS) as redis:
        async for key in redis.scan_iter(count=1000):
            result = await broker.result_backend.get_result(key.decode())
            if result.is_err or result.return_value != {"output": "success"}:
                raise SystemExit(f"{key!r} has the result {result!r}")
    await broker.result_backend.shutdown()


if __name__ == "__main__":
    uvloop.run({"submit": submit, "install": install, "verify": verify}[sys.argv[1]]())
