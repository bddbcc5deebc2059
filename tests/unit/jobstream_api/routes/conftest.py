from collections.abc import AsyncIterator

import httpx2
import pytest

from tests.support.offline import MemoryPlacer, announcement, offline_app

SCHEMA = {
    "type": "object",
    "properties": {"to": {"type": "string"}, "sizes": {"type": "array", "items": {"type": "integer"}}},
    "required": ["to"],
}


@pytest.fixture
async def offline() -> AsyncIterator[tuple[httpx2.AsyncClient, MemoryPlacer]]:
    """A client of the routes, and what its submits stored."""
    app, placer = offline_app(announcement(), announcement("email", payload_schema=SCHEMA, max_retries=5))
    transport = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://api") as client:
        yield client, placer
