"""An api inside the test: its routes through ASGI, its services on the suite's servers."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import httpx2
import pytest
from asgi_lifespan import LifespanManager

from jobstream_api.app import create_app
from jobstream_api.wiring import Process
from tests.integration.api.doors import announce
from tests.support.eventually import eventually
from tests.support.space import Space


class Inside(httpx2.AsyncClient):
    """A client of an api that lives in the test's own event loop.

    Attributes:
        process: the api's parts.
    """

    process: Process


StartInside = Callable[..., Awaitable[Inside]]


@pytest.fixture
async def start_inside(space: Space) -> AsyncIterator[StartInside]:
    """Starts an api with settings of its own; ``roles`` default to HTTP alone."""
    async with AsyncExitStack() as stack:

        async def start(*, roles: tuple[str, ...] = ("http",), **overrides: Any) -> Inside:
            app = create_app(space.settings(api_roles=roles, **overrides))
            manager = await stack.enter_async_context(LifespanManager(app, startup_timeout=30, shutdown_timeout=60))
            transport = httpx2.ASGITransport(app=manager.app)
            client = await stack.enter_async_context(Inside(transport=transport, base_url="http://api", timeout=60))
            client.process = app.state.process
            return client

        yield start


@pytest.fixture
async def inside(space: Space, start_inside: StartInside) -> Inside:
    """An api that knows the type ``example``."""
    await announce(space, "example")
    client = await start_inside()
    await eventually(lambda: client.process.catalogue.known("example"), what="the type is known")
    return client


@pytest.fixture
async def client(space: Space, start_inside: StartInside) -> Inside:
    """The same, and it applies what workers report."""
    await announce(space, "example")
    client = await start_inside(roles=("http", "applier"))
    await eventually(lambda: client.process.catalogue.known("example"), what="the type is known")
    return client
