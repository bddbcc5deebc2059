"""Child processes that always end with us.

Each child leads its own process group, so a terminal's Ctrl-C reaches only the parent, which then
stops the children in order, and a child's children end with it. A guard (guard.py) ends them all
should the parent be killed with -9, and a file of process ids lets the next start end whatever
even that left behind.
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Thread

import psutil

from jobstream.errors import JobstreamError

_POLL_S = 0.05


class ChildFailed(JobstreamError):
    """A part of the cluster did not start, or ended when it should run. The message has its last words."""


@dataclass(frozen=True, slots=True)
class Command:
    """How to run a child.

    Attributes:
        name: what people call it; prefixes its log lines.
        argv: program and arguments.
        env: the whole environment; None inherits ours.
        log: file that takes its output; None hands each line to the family's ``on_line``.
        stop_signal: what asks it to end.
        grace_s: how long it may take before SIGKILL, seconds.
        stage: whoever ends the whole family ends lower stages first: services before what they stand on.
        given: what it reads from its standard input.
        user, group: ids to run as; None: ours.
        cwd: folder to run in; None: ours.
    """

    name: str
    argv: Sequence[str]
    env: Mapping[str, str] | None = None
    log: Path | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    grace_s: float = 10.0
    stage: int = 0
    given: bytes | None = None
    user: int | None = None
    group: int | None = None
    cwd: Path | None = None


class Process:
    """One running child. Made by ``Family.spawn``."""

    def __init__(self, command: Command, popen: subprocess.Popen[bytes], forget: Callable[[int], None]) -> None:
        self.command = command
        self.pid = popen.pid
        self.started_at = time.monotonic()
        self._popen = popen
        self._forget = forget

    @property
    def name(self) -> str:
        return self.command.name

    def poll(self) -> int | None:
        """The exit code (negative: the signal that ended it), or None while it runs."""
        if self._popen.returncode is not None:
            return self._popen.returncode
        # Look before reaping: the group's id is safe to signal only while its dead leader still holds it.
        if os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            return None
        _signal_group(self.pid, signal.SIGKILL)
        code = self._popen.wait()
        self._forget(self.pid)
        return code

    def send(self, number: int) -> None:
        """Signal the child alone, if it still runs."""
        if self.poll() is None:
            self._popen.send_signal(number)

    def kill(self) -> None:
        """End the child and its own children at once."""
        if self.poll() is None:
            _signal_group(self.pid, signal.SIGKILL)

    async def wait(self, timeout_s: float | None = None) -> int | None:
        """The exit code, or None if it still runs after ``timeout_s`` seconds."""
        until = None if timeout_s is None else time.monotonic() + timeout_s
        while (code := self.poll()) is None:
            if until is not None and time.monotonic() >= until:
                return None
            await asyncio.sleep(_POLL_S)
        return code

    async def stop(self, grace_s: float | None = None) -> int:
        """Ask it to end; kill it if it has not within its grace. Returns the exit code."""
        self.send(self.command.stop_signal)
        code = await self.wait(self.command.grace_s if grace_s is None else grace_s)
        if code is None:
            self.kill()
            code = await self.wait(5.0)
        return -signal.SIGKILL if code is None else code

    def last_words(self, lines: int = 15) -> str:
        """The end of its log file, for an error message."""
        if self.command.log is None or not self.command.log.exists():
            return ""
        return "\n".join(self.command.log.read_text(errors="replace").splitlines()[-lines:])


class Family:
    """Every child that one parent started.

    Args:
        register: file of (pid, start time) pairs, for the next start to clean up after us.
        on_line: called with (name, line) for each line of a child without a log file; from threads.
    """

    def __init__(self, register: Path, on_line: Callable[[str, str], None] | None = None) -> None:
        self._register = register
        self._on_line = on_line
        self._members: dict[int, Process] = {}
        self._guard: subprocess.Popen[bytes] | None = None

    def spawn(self, command: Command) -> Process:
        """Start a child.

        Raises:
            ChildFailed: the program cannot be run at all.
        """
        self._tell_guard("")  # the guard first: a child must never run unguarded
        if command.log is not None:
            command.log.parent.mkdir(parents=True, exist_ok=True)
        output = subprocess.PIPE if command.log is None else command.log.open("ab")
        try:
            popen = subprocess.Popen(  # noqa: S603
                list(command.argv),
                env=None if command.env is None else dict(command.env),
                cwd=command.cwd,
                stdin=subprocess.DEVNULL if command.given is None else subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                user=command.user,
                group=command.group,
                extra_groups=None if command.group is None else [],
            )
        except OSError as error:
            raise ChildFailed(f"{command.name} cannot be started: {error}") from error
        finally:
            if output != subprocess.PIPE:
                output.close()  # type: ignore[union-attr]
        process = Process(command, popen, self._forget)
        self._members[popen.pid] = process
        self._tell_guard(_guarded(process))
        self._write_register()
        if command.given is not None:
            _feed(popen, command.given)
        if popen.stdout is not None:
            Thread(target=self._pump, args=(command.name, popen), name=f"log {command.name}", daemon=True).start()
        return process

    async def run(self, command: Command, *, timeout_s: float) -> str:
        """Run a program to its end and return what it wrote. Needs a log file, which is made anew.

        Raises:
            ChildFailed: it ended with another code than 0, or took too long; the message has its last words.
        """
        assert command.log is not None
        command.log.unlink(missing_ok=True)
        process = self.spawn(command)
        code = await process.wait(timeout_s)
        if code is None:
            await process.stop()
            raise ChildFailed(f"{command.name} took longer than {timeout_s:.0f} s\n{process.last_words()}".rstrip())
        if code != 0:
            raise ChildFailed(f"{command.name} failed with code {code}\n{process.last_words()}".rstrip())
        return command.log.read_text(errors="replace")

    def kill_all(self) -> None:
        """End everybody at once."""
        for process in list(self._members.values()):
            process.kill()

    def end_leftovers(self) -> list[str]:
        """End what an earlier parent left running; says what. Only call it while holding the state's lock."""
        ended = []
        for pid, created, name in _read_register(self._register):
            try:
                process = psutil.Process(pid)
                if abs(process.create_time() - created) > 1.0:
                    continue  # another program has that id now
                _signal_group(pid, signal.SIGINT)  # everything here, PostgreSQL too, ends cleanly and quickly on it
                try:
                    process.wait(10.0)
                except psutil.TimeoutExpired:
                    _signal_group(pid, signal.SIGKILL)
                    process.wait(5.0)
                ended.append(f"{name} ({pid})")
            except psutil.Error:
                continue
        self._register.unlink(missing_ok=True)
        return ended

    async def close(self) -> None:
        """Stop whatever still runs, then let the guard go."""
        for stage in sorted({process.command.stage for process in self._members.values()}):
            members = [process for process in self._members.values() if process.command.stage == stage]
            await asyncio.gather(*(process.stop() for process in members))
        guard, self._guard = self._guard, None
        if guard is not None and guard.stdin is not None:
            guard.stdin.close()
            await asyncio.to_thread(guard.wait)
        self._register.unlink(missing_ok=True)

    def _pump(self, name: str, popen: subprocess.Popen[bytes]) -> None:
        assert popen.stdout is not None
        with popen.stdout as stream:
            for raw in stream:
                if self._on_line is not None:
                    self._on_line(name, raw.decode(errors="replace").rstrip())

    def _forget(self, pid: int) -> None:
        self._members.pop(pid, None)
        self._tell_guard(f"- {pid}\n")
        self._write_register()

    def _tell_guard(self, line: str) -> None:
        if self._guard is None or self._guard.poll() is not None:
            script = str(Path(__file__).with_name("guard.py"))
            self._guard = subprocess.Popen(  # noqa: S603
                [sys.executable, "-I", "-S", script], stdin=subprocess.PIPE, start_new_session=True
            )
            line = "".join(_guarded(process) for process in self._members.values())
        assert self._guard.stdin is not None
        try:
            self._guard.stdin.write(line.encode())
            self._guard.stdin.flush()
        except BrokenPipeError:
            self._guard = None  # somebody ended the guard; the next child gets a new one

    def _write_register(self) -> None:
        rows = []
        for process in self._members.values():
            try:
                rows.append([process.pid, psutil.Process(process.pid).create_time(), process.name])
            except psutil.Error:
                continue
        self._register.parent.mkdir(parents=True, exist_ok=True)
        draft = self._register.with_suffix(".new")
        draft.write_text(json.dumps(rows) + "\n")
        os.replace(draft, self._register)


def _guarded(process: Process) -> str:
    command = process.command
    return f"+ {process.pid} {int(command.stop_signal)} {command.grace_s} {command.stage}\n"


def _feed(popen: subprocess.Popen[bytes], given: bytes) -> None:
    assert popen.stdin is not None
    try:
        with popen.stdin as stream:
            stream.write(given)  # a few bytes: they fit into the pipe, so nobody waits here
    except BrokenPipeError:
        pass  # it ended unread; its exit code says why


def _signal_group(group: int, number: int) -> None:
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        pass


def _read_register(file: Path) -> list[tuple[int, float, str]]:
    try:
        return [(int(pid), float(created), str(name)) for pid, created, name in json.loads(file.read_text())]
    except (FileNotFoundError, ValueError, TypeError):
        return []
