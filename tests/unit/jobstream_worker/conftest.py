"""A desk per test; its runs are cut off at the end."""

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.unit.jobstream_worker.desk import Desk


@pytest_asyncio.fixture
async def desk() -> AsyncIterator[Desk]:
    made = Desk()
    yield made
    await made.runner.abandon()
