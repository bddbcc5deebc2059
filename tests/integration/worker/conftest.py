"""Stages for the worker's scenarios, on the suite's Kafka."""

import os
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from aiokafka.admin import NewTopic

from jobstream.contracts.topics import topic_specs
from jobstream.kafka.clients import make_admin
from jobstream_worker.settings import WorkerSettings
from tests.integration.worker.stage import Stage

MakeStage = Callable[..., Awaitable[Stage]]


@pytest.fixture
async def make_stage(tmp_path: Path) -> AsyncIterator[MakeStage]:
    stages: list[Stage] = []

    async def make(*, partitions: int = 1, **settings: Any) -> Stage:
        made = WorkerSettings(
            kafka_bootstrap_servers=os.environ["JOBSTREAM_KAFKA_BOOTSTRAP_SERVERS"],
            topic_prefix=f"w{secrets.token_hex(4)}.",
            topic_partitions=partitions,
            **settings,
        )
        admin = await make_admin(made, "stage-admin")
        await admin.create_topics(
            [
                NewTopic(spec.name, spec.partitions, spec.replication, topic_configs=spec.config)
                for spec in topic_specs(made)
            ]
        )
        await admin.close()
        stage = Stage(made, tmp_path)
        stages.append(stage)
        await stage.start()
        return stage

    yield make
    for stage in stages:
        await stage.stop()
