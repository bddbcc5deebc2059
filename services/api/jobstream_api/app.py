"""The composition root of the api: an ASGI application whose lifespan runs the services."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from uuid import UUID

from fastapi import FastAPI

from jobstream.clock import Clock, SystemClock
from jobstream_api.infrastructure.ids import new_id
from jobstream_api.routes import cancels, flow, jobs, problems, schedules, submit, system
from jobstream_api.routes.fast_lane import FastLane
from jobstream_api.routes.openapi import document, summary, tags
from jobstream_api.settings import ApiSettings
from jobstream_api.wiring import Process


def create_app(settings: ApiSettings, *, clock: Clock | None = None, ids: Callable[[], UUID] = new_id) -> FastAPI:
    """The application. Nothing is connected before its lifespan begins.

    Args:
        clock: tells when a ``run_at``, or the timestamp of a record, is too far ahead; what decides anything else
            is the database's clock.
        ids: makes the ids of jobs and outbox rows; must be UUIDv7.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        process = Process(settings, clock=clock or SystemClock(), ids=ids)
        app.state.process = process
        app.state.parts = process.parts
        await process.start()
        try:
            yield
        finally:
            await process.stop()

    app = FastAPI(
        title="jobstream",
        version=summary.version,
        summary=summary.text,
        openapi_tags=tags,
        lifespan=lifespan,
        redirect_slashes=False,
    )
    routers = [submit.router, jobs.router, cancels.router, schedules.router, flow.router, system.router]
    problems.install(app, [*(routers if "http" in settings.api_roles else []), system.health])
    if "http" in settings.api_roles:
        app.add_middleware(FastLane)
    app.openapi = lambda: document(app)  # type: ignore[method-assign]
    return app
