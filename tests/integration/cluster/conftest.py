"""Clusters of their own for tests of the cluster itself."""

from collections.abc import AsyncIterator

import pytest

from tests.integration.cluster.running import Up


@pytest.fixture
async def up(tmp_path) -> AsyncIterator[Up]:
    """`jobstream up` in a folder of its own, not started yet; whatever a test left of it is ended."""
    made = Up(tmp_path)
    try:
        yield made
    finally:
        await made.end()
