"""`jobstream up` as a person runs it: a process, its terminal, its signals."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import IO, Any

import httpx2
import psutil

from jobstream.local.ports import free_port
from tests.support.eventually import eventually


class Up:
    """One folder with `jobstream up` in it, started any number of times.

    Attributes:
        port: that its api is to listen on; its own, since other tests run at the same time.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.state = folder / ".jobstream"
        self._popen: subprocess.Popen[bytes] | None = None
        self.tee: subprocess.Popen[bytes] | None = None
        self._out = folder / "up.out"
        self._seen: dict[int, psutil.Process] = {}

    async def start(self, *arguments: str, broker: str | None = "embedded", timeout: float = 90.0) -> dict[str, Any]:
        """Start it and wait for its ready line; returns the run file.

        Args:
            broker: None takes the suite's.
        """
        chosen = broker or os.environ.get("JOBSTREAM_BROKER")
        self.begin(*arguments, *(["--broker", chosen] if chosen else []))
        await eventually(self._ready, timeout=timeout, what=f"jobstream up is ready; it said\n{self.said()}")
        self.remember()
        return self.run()

    def through_tee(self) -> None:
        """Have its output go through ``self.tee``, as in ``jobstream up 2>&1 | tee FILE``."""
        with self._out.open("wb") as out:
            self.tee = subprocess.Popen(["tee"], stdin=subprocess.PIPE, stdout=out)

    def begin(self, *arguments: str) -> None:
        """Start it without waiting."""
        env = {name: value for name, value in os.environ.items() if not name.startswith("JOBSTREAM_")}
        # Killed members hold their partitions for so long; the defaults are for networks, not for tests.
        env |= {"JOBSTREAM_WORKER_SESSION_S": "6", "JOBSTREAM_API_SESSION_S": "6"}
        with self._out.open("wb") if self.tee is None else self._pipe() as out:
            self._popen = subprocess.Popen(
                [sys.executable, "-m", "jobstream.cli", "up", "--api-port", str(self.port), *arguments],
                cwd=self.folder,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def _pipe(self) -> IO[bytes]:
        assert self.tee is not None
        assert self.tee.stdin is not None
        return self.tee.stdin

    def _ready(self) -> bool:
        if self.exit_code is not None:
            raise RuntimeError(f"jobstream up ended with {self.exit_code}:\n{self.said()}")
        return "jobstream is ready in" in self.said()

    def said(self) -> str:
        """All that it printed."""
        return self._out.read_text(errors="replace") if self._out.exists() else ""

    def run(self) -> dict[str, Any]:
        """The run file."""
        return dict(json.loads((self.state / "run.json").read_text()))

    @property
    def pid(self) -> int:
        assert self._popen is not None
        return self._popen.pid

    @property
    def exit_code(self) -> int | None:
        return None if self._popen is None else self._popen.poll()

    def send(self, number: signal.Signals) -> None:
        """Signal `up` alone, not its children."""
        assert self._popen is not None
        self._popen.send_signal(number)

    async def gone(self, timeout: float = 40.0) -> int:
        """The exit code, once it has ended."""
        await eventually(lambda: self.exit_code is not None, timeout=timeout, what="jobstream up ends")
        assert self.exit_code is not None
        return self.exit_code

    def remember(self) -> list[psutil.Process]:
        """Note every process of the cluster as it is now; returns those that run."""
        found = psutil.Process(self.pid).children(recursive=True)
        self._seen |= {process.pid: process for process in found}
        return found

    def child(self, *words: str) -> psutil.Process:
        """The newest child whose command line has these words."""
        return [process for process in self.remember() if all(word in _command_line(process) for word in words)][-1]

    async def nothing_left(self, timeout: float = 20.0) -> None:
        """Wait until no process that ever belonged to it runs."""
        await eventually(lambda: not self._left(), timeout=timeout, what=f"nothing is left running of {self._left()}")

    def _left(self) -> list[psutil.Process]:
        return [process for process in self._seen.values() if _runs(process)]

    async def end(self) -> None:
        """Whatever happened: no process stays."""
        if self.tee is not None:
            self.tee.kill()
            self.tee.wait()
        if self._popen is not None and self.exit_code is None:
            self.remember()
            self._popen.kill()
            await asyncio.to_thread(self._popen.wait)
        try:
            await self.nothing_left()
        finally:
            for process in self._left():
                process.kill()


def _runs(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:  # it ended between the two
        return False


def _command_line(process: psutil.Process) -> list[str]:
    try:
        return list(process.cmdline())
    except psutil.Error:  # it ended meanwhile
        return []


async def submit(api: str, payload: dict[str, Any], wait: float = 10.0) -> dict[str, Any]:
    """Submit a job over HTTP and wait for its end."""
    async with httpx2.AsyncClient(base_url=api, timeout=wait + 10) as client:
        created = await client.post("/jobs", json={"payload": payload})
        assert created.status_code == 201, created.text
        ended = await client.get(created.headers["location"], params={"wait": wait})
        return dict(ended.json())
