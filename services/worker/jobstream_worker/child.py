"""A child process of the worker: runs the handlers of ``run_in="process"``, one job after another.

The handler has the main thread. A second thread listens to the worker, a third tells of progress.
"""

import asyncio
import ctypes
import faulthandler
import os
import signal
import socket
import sys
import threading
import traceback
from datetime import datetime
from queue import SimpleQueue
from typing import Any
from uuid import UUID

import orjson

from jobstream.contracts.jobs import Job
from jobstream.errors import HandlerError
from jobstream.handlers.context import JobContext
from jobstream.handlers.invoke import call, call_async
from jobstream.handlers.outcomes import Outcome, StopReason
from jobstream.handlers.registry import Registry, load_handlers
from jobstream.handlers.spec import HandlerSpec
from jobstream.handlers.text import clean_text
from jobstream_worker import wire

PROGRESS_EVERY_S = 0.1
"""The newest progress is sent at most this often; what comes between is overtaken."""
MAX_LOG_LENGTH = 8_000
MAX_LOG_FIELDS_BYTES = 64 * 1024
_PR_SET_PDEATHSIG = 1


class Pipe:
    """The socket to the worker; all threads may write to it."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._lock = threading.Lock()
        self.lines = sock.makefile("rb")

    def send(self, kind: str, **fields: Any) -> None:
        """Send one message whole."""
        raw = wire.line(kind, **fields)
        with self._lock:
            self._sock.sendall(raw)


class ChildRun:
    """One run in this process, and its context's link to the worker."""

    def __init__(self, pipe: Pipe, message: dict[str, Any]) -> None:
        self.job = Job.read(message["job"])
        self.run_id = UUID(message["run_id"])
        self.stop_reason: StopReason | None = None
        self.news = threading.Event()
        self.task: asyncio.Task[Outcome] | None = None
        self._max_retries: int = message["max_retries"]
        self._deadline = message["deadline"] and datetime.fromisoformat(message["deadline"])
        self._pipe = pipe
        self._progress: tuple[float, str | None] | None = None

    def context(self) -> JobContext:
        """What the handler is given."""
        return JobContext(self.job, self.run_id, self, max_retries=self._max_retries, deadline=self._deadline)

    def stop(self, reason: StopReason) -> None:
        """The worker wants the run to end. Called by the listening thread."""
        self.stop_reason = reason
        if self.task is not None:
            self.task.get_loop().call_soon_threadsafe(self.task.cancel)

    @property
    def cancelled(self) -> bool:
        """See ``JobContext.cancelled``."""
        return self.stop_reason is not None

    def progressed(self, fraction: float, text: str | None) -> None:
        """Note it; another thread sends it."""
        self._progress = (fraction, text)
        self.news.set()

    def logged(self, message: str, fields: dict[str, Any]) -> None:
        """Send it; a field that JSON does not know goes as its repr."""
        try:
            raw = orjson.dumps(fields, default=repr, option=orjson.OPT_NON_STR_KEYS)
        except TypeError as error:
            raw = orjson.dumps({"fields": f"left out: {error}"})
        if len(raw) > MAX_LOG_FIELDS_BYTES:
            raw = orjson.dumps({"fields": f"left out: {len(raw)} bytes"})
        self._pipe.send("log", message=clean_text(str(message), MAX_LOG_LENGTH), fields=orjson.Fragment(raw))

    def tell_progress(self) -> None:
        """Send the newest progress, if there is any unsent."""
        self.news.clear()
        progress, self._progress = self._progress, None
        if progress is not None:
            self._pipe.send("progress", fraction=progress[0], text=progress[1])


def main(fd: int, worker_pid: int) -> None:
    """Serve the worker at the other end of ``fd`` until it closes it."""
    _die_with(worker_pid)
    faulthandler.enable()
    # Whether the worker ends is the worker's affair. Functions, not SIG_IGN: programs that a handler starts
    # would inherit that.
    signal.signal(signal.SIGINT, lambda *_: None)
    signal.signal(signal.SIGTERM, lambda *_: None)
    os.set_inheritable(fd, False)
    pipe = Pipe(socket.socket(fileno=fd))
    registry = _setup(pipe)
    runs: SimpleQueue[ChildRun] = SimpleQueue()
    threading.Thread(target=_listen, args=(pipe, runs), name="from-worker", daemon=True).start()
    with asyncio.Runner() as runner:
        while True:
            _serve(pipe, registry, runs.get(), runner)


def _die_with(worker_pid: int) -> None:
    """Have the kernel kill this process when the worker dies, and make it the first to go when memory runs out."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        try:
            with open("/proc/self/oom_score_adj", "w", encoding="ascii") as score:
                score.write("500")
        except OSError:
            pass
    if os.getppid() != worker_pid:
        os._exit(0)


def _setup(pipe: Pipe) -> Registry:
    message = wire.read_line(pipe.lines.readline())
    try:
        registry = load_handlers(message["modules"])
    except HandlerError as error:
        pipe.send("broken", error=clean_text(str(error), MAX_LOG_LENGTH))
        raise SystemExit(1) from None
    pipe.send("ready")
    return registry


def _listen(pipe: Pipe, runs: "SimpleQueue[ChildRun]") -> None:
    """Take messages from the worker; when it is gone, end at once."""
    run: ChildRun | None = None
    code = 1
    try:
        for raw in pipe.lines:
            message = wire.read_line(raw)
            if message["kind"] == "run":
                run = ChildRun(pipe, message)
                runs.put(run)
            elif message["kind"] == "stop" and run is not None:
                run.stop(message["reason"])
        code = 0
    except Exception:
        traceback.print_exc()  # os._exit would swallow it
    finally:
        os._exit(code)


def _serve(pipe: Pipe, registry: Registry, run: ChildRun, runner: asyncio.Runner) -> None:
    pipe.send("started")
    spec = registry.get(run.job.type)
    if spec is None:
        raise SystemExit(f"no handler for {run.job.type}")  # the worker sees the process end
    over = threading.Event()
    teller = threading.Thread(target=_tell, args=(run, over), name="progress", daemon=True)
    teller.start()
    outcome = runner.run(_run_async(spec, run)) if spec.is_async else _run_sync(spec, run)
    over.set()
    run.news.set()
    teller.join()
    run.tell_progress()
    pipe.send("outcome", **wire.outcome_fields(outcome))


def _run_sync(spec: HandlerSpec, run: ChildRun) -> Outcome:
    return call(spec, run.job, run.context(), lambda: run.stop_reason)


async def _run_async(spec: HandlerSpec, run: ChildRun) -> Outcome:
    run.task = asyncio.create_task(call_async(spec, run.job, run.context(), lambda: run.stop_reason))
    if run.stop_reason is not None:  # it came before there was a task
        run.task.cancel()
    return await run.task


def _tell(run: ChildRun, over: threading.Event) -> None:
    while not over.is_set():
        run.news.wait()
        run.tell_progress()
        over.wait(PROGRESS_EVERY_S)
