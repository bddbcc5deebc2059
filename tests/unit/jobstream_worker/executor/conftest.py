"""An executor per test, runs for it, and its telemetry."""

import contextlib
import time
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import pytest_asyncio

from jobstream.clock import SystemClock
from jobstream.contracts.jobs import Job
from jobstream.handlers.registry import Registry, load_handlers
from jobstream.ids import new_id
from jobstream.telemetry import Event, subscribe
from jobstream_worker.executor import Executor, Run
from tests.support.eventually import eventually
from tests.unit.jobstream_worker.executor.sample_handlers import MODULE

MakeExecutor = Callable[..., contextlib.AbstractAsyncContextManager[Executor]]
MakeRun = Callable[..., Run]
Events = list[tuple[Event, dict[str, Any]]]


@pytest.fixture(scope="session")
def registry() -> Registry:
    return load_handlers([MODULE])


@pytest.fixture(scope="session")
def make_executor(registry: Registry) -> MakeExecutor:
    """A running executor; ``async with make_executor(grace=0.1) as executor``."""

    @contextlib.asynccontextmanager
    async def make(*, concurrency: int = 10, slots: int = 2, grace: float = 5.0) -> AsyncIterator[Executor]:
        executor = Executor(
            registry, [MODULE], concurrency=concurrency, process_slots=slots, cancel_grace_s=grace, clock=SystemClock()
        )
        await executor.start()
        try:
            yield executor
        finally:
            await executor.stop(10.0)

    return make


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def executor(make_executor: MakeExecutor) -> AsyncIterator[Executor]:
    """One for all tests of a file: starting child processes is what takes time."""
    async with make_executor() as executor:
        yield executor


@pytest.fixture
def make_run(registry: Registry) -> MakeRun:
    """``make_run("loop.sum", a=1, b=2)``; options of the job begin with an underscore."""

    def make(job_type: str, /, **fields: Any) -> Run:
        options = {name[1:]: value for name, value in fields.items() if name.startswith("_")}
        payload = {name: value for name, value in fields.items() if not name.startswith("_")}
        spec = registry.get(job_type)
        assert spec is not None
        job = Job(id=new_id(), type=job_type, queue="default", payload=payload, created_at=datetime.now(UTC), **options)
        return Run(job, spec, str(new_id()), datetime.now(UTC), time.monotonic())

    return make


@pytest.fixture
def events() -> Iterator[Events]:
    """Every event told during the test, in order."""
    told: Events = []
    unsubscribe = subscribe(lambda event, fields: told.append((event, fields)))
    yield told
    unsubscribe()


async def reached(condition: Callable[[], Any], seconds: float = 20.0) -> None:
    """Wait on the loop until ``condition()`` is true."""
    await eventually(condition, timeout=seconds, every=0.005)
