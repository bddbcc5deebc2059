"""Stages for the worker's scenarios, on the suite's Kafka."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from tests.integration.worker.stage import Stage
from tests.support.cluster import Cluster

MakeStage = Callable[..., Awaitable[Stage]]


@pytest.fixture
async def make_stage(cluster: Cluster, tmp_path: Path) -> AsyncIterator[MakeStage]:
    stages: list[Stage] = []

    async def make(*, partitions: int = 1) -> Stage:
        stage = Stage(cluster, tmp_path, partitions)
        stages.append(stage)
        await stage.prepare()
        return stage

    yield make
    for stage in stages:
        await stage.close()
