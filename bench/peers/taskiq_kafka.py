"""Taskiq over Kafka, results in redis. ``submit`` on the command line submits."""

import sys
from typing import Any

import uvloop
from kafka.admin import NewTopic
from taskiq_aio_kafka import AioKafkaBroker
from taskiq_redis import RedisAsyncResultBackend

from bench.peers.address import KAFKA, REDIS
from bench.peers.submitter import obey

broker = AioKafkaBroker(
    KAFKA, kafka_topic=NewTopic(name="peer.taskiq", num_partitions=12, replication_factor=1)
).with_result_backend(RedisAsyncResultBackend(REDIS, result_ex_time=3600))
broker.configure_producer(acks="all", linger_ms=2)
broker.configure_consumer(group_id="peer-taskiq", auto_offset_reset="earliest")


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


if __name__ == "__main__":
    uvloop.run({"submit": submit, "install": install}[sys.argv[1]]())
