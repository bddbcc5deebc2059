"""``jobstream worker``: runs a worker until it is told to stop."""

import asyncio
import os
import signal
import sys
import threading
from types import FrameType
from typing import Annotated

import typer

from jobstream import garbage
from jobstream.errors import JobstreamError
from jobstream.telemetry import Event, configure_logging, emit
from jobstream_worker.app import LAST_RESORT_S, Worker, build
from jobstream_worker.settings import WorkerSettings

EXIT_CONFIGURATION = 2
EXIT_CUT_OFF = 1


def worker(
    queues: Annotated[str | None, typer.Option(help="Queues to serve, with their weights: high:8,low:1.")] = None,
    concurrency: Annotated[int | None, typer.Option(help="Jobs to run at once.")] = None,
    handlers: Annotated[str | None, typer.Option(help="Modules with handlers, comma-separated.")] = None,
) -> None:
    """Run a worker: takes jobs from Kafka, runs their handlers, reports what became of them.

    SIGTERM or Ctrl-C lets running jobs finish for JOBSTREAM_WORKER_GRACE_S seconds and hands the rest
    back; a second one hands them back at once. Exit codes: 0 stopped, 1 cut off, 2 wrong settings.
    """
    overrides = {"worker_queues": queues, "worker_concurrency": concurrency, "handlers": handlers}
    sys.path.insert(0, os.getcwd())  # so that modules beside the user are found, as with `python -m`
    try:
        settings = WorkerSettings.load(**{name: value for name, value in overrides.items() if value is not None})
        configure_logging(settings.log_format, settings.log_level)
        built = build(settings)
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(run(built))
    except JobstreamError as error:
        typer.echo(f"jobstream worker: {error}", err=True)
        raise typer.Exit(EXIT_CONFIGURATION) from None
    if built.executor.abandoned:
        _leave(0)


async def run(built: Worker) -> None:
    """Run until SIGTERM or SIGINT, then stop; a second one hurries.

    Raises:
        ConfigurationError: the worker cannot start.
    """
    told, hurry = asyncio.Event(), asyncio.Event()
    grace_s = built.settings.worker_grace_s
    loop = asyncio.get_running_loop()
    last_resorts: list[threading.Timer] = []

    def on_signal(number: int, _frame: FrameType | None) -> None:
        again = told.is_set()
        # Whatever hangs, the process is gone in time.
        last_resorts.append(_last_resort(LAST_RESORT_S if again else grace_s + LAST_RESORT_S))
        loop.call_soon_threadsafe((hurry if again else told).set)

    before = {number: signal.signal(number, on_signal) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        await built.start()
        garbage.settle()
        await told.wait()
        await built.stop(grace_s, hurry)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for timer in last_resorts:
            timer.cancel()


def _last_resort(seconds: float) -> threading.Timer:
    timer = threading.Timer(seconds, _cut_off)
    timer.daemon = True
    timer.start()
    return timer


def _cut_off() -> None:
    emit(Event.SERVICE_STOP_LATE, service="worker", deadline_s=LAST_RESORT_S)
    _leave(EXIT_CUT_OFF)


def _leave(code: int) -> None:
    """End the process at once: a handler that was given up would keep it alive."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _loop_factory() -> type[asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:  # not there on Windows
        return None
    return uvloop.Loop
