"""A proxy that makes the embedded broker wait, and lose patience, where Kafka would.

Kafka holds an empty fetch until data come or the fetch's max_wait is over; the embedded broker
answers it at once, and each idle consumer then asks thousands of times a second. This proxy stands
before the broker and holds such an answer itself: until max_wait is over, or until somebody has
produced through it. It also expels group members that have fallen silent, and puts its own port
where the broker names its own.

Run as a program of its own: ``python -m jobstream.local.pacer LISTEN UPSTREAM``.
"""

import asyncio
import contextlib
import signal
import struct
import sys
from dataclasses import dataclass

from jobstream.local import frames
from jobstream.local.sessions import Sessions

HOST = "127.0.0.1"
MAX_FRAME = 128 * 1024 * 1024
_BUFFER = 1024 * 1024
_NAMES_BROKERS = (frames.METADATA, frames.FIND_COORDINATOR)
_BRINGS_DATA = (frames.PRODUCE, frames.END_TXN)
_SWEEP_S = 0.5
_JOIN_S = 120.0
"""For how long the answer to a join is awaited once its client is gone."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A request that has no answer yet.

    Attributes:
        until: a fetch's deadline on the loop's clock; 0 for any other request.
        produced: how often somebody had produced when it was sent on.
        join: what a join asked for.
    """

    key: int
    version: int
    until: float
    produced: int
    join: frames.Join | None


class Pacer:
    """The proxy. One per broker; every client must come through it, else produced data wake nobody."""

    def __init__(self, listen: int, upstream: int) -> None:
        self._listen = listen
        self._upstream = upstream
        self._produced = 0
        self._wake = asyncio.Event()
        self._sessions = Sessions(asyncio.get_running_loop().time)
        self._own = HOST.encode() + struct.pack(">i", listen)
        self._other = HOST.encode() + struct.pack(">i", upstream)

    async def serve(self, stop: asyncio.Event) -> None:
        """Listen until ``stop`` is set."""
        server = await asyncio.start_server(self._connection, HOST, self._listen, limit=_BUFFER)
        sweep = asyncio.create_task(self._sweep(), name="sweep")
        try:
            await stop.wait()
        finally:
            server.close()
            sweep.cancel()
            await asyncio.gather(sweep, return_exceptions=True)

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        waiting: dict[int, Waiting] = {}
        try:
            up_reader, up_writer = await asyncio.open_connection(HOST, self._upstream, limit=_BUFFER)
        except OSError:
            writer.close()
            return
        answers = asyncio.create_task(self._answers(up_reader, writer, waiting))
        requests = asyncio.create_task(self._requests(reader, up_writer, waiting))
        try:
            await asyncio.wait({answers, requests}, return_when=asyncio.FIRST_COMPLETED)
            requests.cancel()
            if any(request.join for request in waiting.values()):
                # The broker will make it a member all the same, and only the answer says which.
                await asyncio.wait({answers}, timeout=_JOIN_S)
        finally:
            answers.cancel()
            await asyncio.gather(answers, requests, return_exceptions=True)
            for request in waiting.values():
                self._answered_join(request, b"")
            writer.close()
            up_writer.close()

    async def _requests(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, waiting: dict[int, Waiting]
    ) -> None:
        clock = asyncio.get_running_loop()
        while (frame := await _read_frame(reader)) is not None:
            request = frames.read_request(frame)
            max_wait = frames.read_max_wait_s(frame, request)
            join = frames.read_join(frame, request)
            if join is not None:
                self._sessions.joining((join.group, join.member))
            elif (member := frames.read_member(frame, request)) is not None:
                (self._sessions.left if request.key == frames.LEAVE_GROUP else self._sessions.seen)(member)
            until = clock.time() + max_wait if max_wait else 0.0
            waiting[request.correlation] = Waiting(request.key, request.version, until, self._produced, join)
            _write_frame(writer, frame)
            await writer.drain()

    async def _answers(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, waiting: dict[int, Waiting]
    ) -> None:
        while (frame := await _read_frame(reader)) is not None:
            (correlation,) = struct.unpack_from(">i", frame)
            request = waiting.pop(correlation, None)
            if request is not None:
                if request.until and frames.is_empty_fetch(frame, request.version):
                    await self._hold(request)
                elif request.key in _NAMES_BROKERS:
                    frame = frame.replace(self._other, self._own)
                elif request.key in _BRINGS_DATA:
                    self._produced += 1
                    self._wake.set()
                    self._wake = asyncio.Event()
                self._answered_join(request, frame)
            with contextlib.suppress(ConnectionError):
                _write_frame(writer, frame)
                await writer.drain()

    def _answered_join(self, request: Waiting, answer: bytes) -> None:
        if request.join is None:
            return
        self._sessions.done_joining((request.join.group, request.join.member))
        member = frames.read_joined(answer, request.version) if answer else ""
        if member:
            self._sessions.joined((request.join.group, member), request.join.session_s)

    async def _hold(self, request: Waiting) -> None:
        """Wait as Kafka would. Data that came after the fetch was sent on may not be in its answer: no wait then."""
        if request.produced != self._produced:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(request.until):
                await self._wake.wait()

    async def _sweep(self) -> None:
        """Make silent members leave their groups."""
        while True:
            await asyncio.sleep(_SWEEP_S)
            for number, member in enumerate(self._sessions.expired()):
                with contextlib.suppress(OSError, TimeoutError):
                    async with asyncio.timeout(5.0):
                        await self._make_leave(number, *member)
                    self._sessions.left(member)

    async def _make_leave(self, number: int, group: str, member: str) -> None:
        reader, writer = await asyncio.open_connection(HOST, self._upstream)
        try:
            _write_frame(writer, frames.leave_request(number, group, member))
            await _read_frame(reader)
        finally:
            writer.close()


def _write_frame(writer: asyncio.StreamWriter, frame: bytes) -> None:
    writer.write(struct.pack(">i", len(frame)) + frame)


async def _read_frame(reader: asyncio.StreamReader) -> bytes | None:
    """The next frame without its length, or None at the connection's end."""
    try:
        (length,) = struct.unpack(">i", await reader.readexactly(4))
        if not 0 < length <= MAX_FRAME:
            return None
        return await reader.readexactly(length)
    except (asyncio.IncompleteReadError, ConnectionError):
        return None


async def main(listen: int, upstream: int) -> None:
    """Serve until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await Pacer(listen, upstream).serve(stop)


if __name__ == "__main__":
    import uvloop

    uvloop.run(main(int(sys.argv[1]), int(sys.argv[2])))
