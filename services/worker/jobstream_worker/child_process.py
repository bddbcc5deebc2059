"""The worker's end of one child process."""

import asyncio
import os
import signal
import socket
import sys
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Sequence
from typing import Any, Self

import orjson

from jobstream.handlers.outcomes import ProcessDied
from jobstream_worker import wire

START_TIMEOUT_S = 60.0
_LAST_READ_S = 0.5
_BOOT = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[3]); "
    "from jobstream_worker.child import main; main(int(sys.argv[1]), int(sys.argv[2]))"
)


class ChildProcess:
    """A fresh interpreter with the same handlers, and a socket to it of its own.

    Fresh, because forking a process that has threads (Kafka, gRPC, NumPy) can hang the child. Its own socket,
    because a child that is killed while it writes must not leave half a message in what others read.
    """

    def __init__(self, process: Process, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._process = process
        self._reader = reader
        self._writer = writer
        self._end = asyncio.create_task(self._watch_end(), name=f"child {process.pid}")

    @classmethod
    async def start(cls, modules: Sequence[str]) -> Self:
        """Start a child and wait until it has imported ``modules``.

        Raises:
            ProcessDied: it did not come up; says why.
        """
        ours, theirs = socket.socketpair()
        try:
            process = await _spawn(theirs)
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        reader, writer = await asyncio.open_unix_connection(sock=ours, limit=wire.MAX_LINE)
        child = cls(process, reader, writer)
        try:
            await asyncio.wait_for(child._set_up(modules), START_TIMEOUT_S)
        except TimeoutError:
            await child.dispose()
            raise ProcessDied(f"the child process was not ready within {START_TIMEOUT_S:g} s") from None
        except BaseException:
            await child.dispose()
            raise
        return child

    async def _set_up(self, modules: Sequence[str]) -> None:
        self.send("setup", modules=list(modules))
        match await self.receive():
            case {"kind": "ready"}:
                return
            case {"kind": "broken", "error": error}:
                raise ProcessDied(f"the child process could not load the handlers: {error}")
            case _:
                self.kill()
                raise ProcessDied(f"while it started, {await self.last_words()}")

    @property
    def alive(self) -> bool:
        """False once it has ended, or is about to."""
        return self._process.returncode is None and not self._reader.at_eof()

    def send(self, kind: str, **fields: Any) -> None:
        """Send a message; one to a child that is gone goes nowhere."""
        self._writer.write(wire.line(kind, **fields))

    async def receive(self) -> dict[str, Any] | None:
        """The next message, or None once the child has ended. One that talks nonsense is ended."""
        try:
            raw = await self._reader.readline()
            return wire.read_line(raw) if raw else None
        except (OSError, ValueError):
            self.kill()
            return None

    def kill(self) -> None:
        """End it and what it started, now."""
        if self._process.returncode is None:
            self._kill_group()

    def _kill_group(self) -> None:
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):  # all gone (macOS says the latter of zombies)
            pass

    async def dispose(self) -> None:
        """Kill it, wait until it is gone, and let go of the socket."""
        self.kill()
        await self._ended()
        self._writer.close()

    async def _ended(self) -> int:
        return await asyncio.shield(self._end)

    async def last_words(self) -> str:
        """How it ended, for people."""
        code = await self._ended()
        if code >= 0:
            return f"the child process exited with code {code}"
        try:
            name = signal.Signals(-code).name
        except ValueError:
            name = f"signal {-code}"
        hint = "; the system may have run out of memory" if -code == signal.SIGKILL else ""
        return f"the child process was killed by {name}{hint}"

    async def _watch_end(self) -> int:
        code = await self._process.wait()
        self._kill_group()  # programs that the handler started and that outlived it
        # What it wrote last is still read. Then the socket is closed here, since a daemon that the handler
        # forked may hold the other end open for ever.
        asyncio.get_running_loop().call_later(_LAST_READ_S, self._writer.transport.abort)
        return code


async def _spawn(theirs: socket.socket) -> Process:
    arguments = (str(theirs.fileno()), str(os.getpid()), orjson.dumps(sys.path).decode())
    try:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            _BOOT,
            *arguments,
            stdin=DEVNULL,
            pass_fds=(theirs.fileno(),),
            start_new_session=True,  # so that a kill takes what the handler started with it
        )
    except OSError as error:
        raise ProcessDied(f"no child process could be started: {error}") from error
