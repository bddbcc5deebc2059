"""How a worker process ends: its children with it, and no stuck handler keeps it."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.unit.jobstream_worker.executor.sample_handlers import MODULE

WORKER = textwrap.dedent(
    """
    import asyncio, json, sys, time
    from datetime import UTC, datetime
    from jobstream.clock import SystemClock
    from jobstream.contracts.jobs import Job
    from jobstream.handlers.registry import load_handlers
    from jobstream.ids import new_id, new_text_id
    from jobstream_worker.executor import Executor, Run

    MODULE, job_type, payload, timeout = sys.argv[1], sys.argv[2], json.loads(sys.argv[3]), sys.argv[4]

    async def main():
        registry = load_handlers([MODULE])
        executor = Executor(
            registry, [MODULE], concurrency=2, process_slots=2, cancel_grace_s=1, clock=SystemClock()
        )
        await executor.start()
        job = Job(id=new_id(), type=job_type, queue="default", payload=payload, created_at=datetime.now(UTC),
                  timeout_s=float(timeout))
        run = Run(job, registry.get(job_type), new_text_id(), datetime.now(UTC), time.monotonic())
        waiting = asyncio.create_task(executor.execute(run))
        while run.progress is None and not waiting.done():
            await asyncio.sleep(0.01)
        print(run.progress_text, flush=True)
        outcome = await waiting
        print(getattr(outcome, "result", outcome), executor.abandoned, flush=True)
        await executor.stop(5)

    asyncio.run(main())
    """
)


def start(job_type: str, payload: str = "{}", timeout: float = 60) -> "subprocess.Popen[str]":
    arguments = [sys.executable, "-c", WORKER, MODULE, job_type, payload, str(timeout)]
    return subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True, cwd=Path.cwd())


@pytest.fixture
def left_over() -> Iterator[list[int]]:
    """Pids that a test gave birth to; whatever of them still lives at its end is killed."""
    pids: list[int] = []
    yield pids
    for pid in pids:
        if psutil.pid_exists(pid):
            os.kill(pid, signal.SIGKILL)


def gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def wait_until_gone(pid: int, seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not gone(pid):
        assert time.monotonic() < end, f"{pid} is still there"
        time.sleep(0.01)


@pytest.mark.parametrize("job_type", ["process.wait_for_file", "process.spin"])
def test_children_die_when_their_worker_is_killed(left_over: list[int], tmp_path: Path, job_type: str) -> None:
    worker = start(job_type, f'{{"file": "{tmp_path / "never"}"}}')
    assert worker.stdout is not None
    with worker.stdout:
        pids = [int(pid) for pid in worker.stdout.readline().split()]
        left_over += pids
        assert not gone(pids[0])
        worker.kill()
        worker.wait(10)
        wait_until_gone(pids[0])


def test_a_handler_stuck_in_a_thread_does_not_keep_the_process(tmp_path: Path) -> None:
    worker = start("thread.wait_for_file", f'{{"file": "{tmp_path / "never"}"}}', timeout=0.3)
    assert worker.stdout is not None
    worker.stdout.readline()  # the handler runs
    began = time.monotonic()
    output, _ = worker.communicate(timeout=30)
    assert worker.returncode == 0
    assert time.monotonic() - began < 8  # the handler itself would wait for 10 s
    assert "code='timeout'" in output
    assert output.rstrip().endswith(" 1")
