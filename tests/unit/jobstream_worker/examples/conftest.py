import time
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest

from jobstream.clock import SystemClock
from jobstream.contracts.jobs import Job
from jobstream.handlers.registry import load_handlers
from jobstream.ids import new_id
from jobstream_worker.executor import Executor, Run

EXAMPLES = "jobstream_worker.examples"


@pytest.fixture
def files(tmp_path, monkeypatch):
    """The folder of the example handlers, empty."""
    folder = tmp_path / "files"
    folder.mkdir()
    monkeypatch.setenv("JOBSTREAM_EXAMPLES_DIR", str(folder))
    return folder


@pytest.fixture
def worker_executor():
    """``async with worker_executor() as (execute, make_run)``: runs the examples as a worker does."""

    @asynccontextmanager
    async def running():
        registry = load_handlers([EXAMPLES])
        executor = Executor(
            registry, [EXAMPLES], concurrency=4, process_slots=2, cancel_grace_s=5.0, clock=SystemClock()
        )

        def make_run(job_type, payload):
            job = Job(id=new_id(), type=job_type, queue="default", payload=payload, created_at=datetime.now(UTC))
            return Run(job, registry.get(job_type), str(new_id()), datetime.now(UTC), time.monotonic())

        await executor.start()
        try:
            yield executor.execute, make_run
        finally:
            await executor.stop(10.0)

    return running
