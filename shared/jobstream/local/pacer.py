"""A proxy that makes the embedded broker wait where Kafka would.

Kafka holds an empty fetch until data come or the fetch's max_wait is over; the embedded broker
answers it at once, and each idle consumer then asks thousands of times a second. This proxy stands
before the broker and holds such an answer itself: until max_wait is over, or until somebody has
produced through it. It reads as much of the protocol as that takes (fetch versions 4 to 11, which is
what aiokafka speaks), and puts its own port where the broker names its own.

Run as a program of its own: ``python -m jobstream.local.pacer LISTEN UPSTREAM``.
"""

import asyncio
import contextlib
import signal
import struct
import sys
from dataclasses import dataclass

HOST = "127.0.0.1"
PRODUCE, FETCH, METADATA, FIND_COORDINATOR, END_TXN = 0, 1, 3, 10, 26
_NAMES_BROKERS = (METADATA, FIND_COORDINATOR)
_BRINGS_DATA = (PRODUCE, END_TXN)
MAX_FRAME = 128 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Request:
    """What the answer to a request will be judged by.

    Attributes:
        until: a fetch's deadline on the loop's clock; 0 for any other request.
        produced: how often somebody had produced when it was sent on.
    """

    key: int
    version: int
    until: float
    produced: int


def read_request(frame: bytes) -> tuple[int, int, int, int]:
    """(api key, version, correlation id, max_wait in ms) of a request; max_wait is 0 if it is no paced fetch."""
    key, version, correlation, name_length = struct.unpack_from(">hhih", frame)
    if key != FETCH or not 4 <= version <= 11:
        return key, version, correlation, 0
    _replica, max_wait = struct.unpack_from(">ii", frame, 10 + max(name_length, 0))
    return key, version, correlation, max(max_wait, 0)


def is_empty_fetch(frame: bytes, version: int) -> bool:
    """True for a fetch answer that carries neither a record nor an error."""
    at = 4 + 4  # correlation id, throttle time
    if version >= 7:
        (error,) = struct.unpack_from(">h", frame, at)
        if error:
            return False
        at += 2 + 4
    (topics,) = struct.unpack_from(">i", frame, at)
    at += 4
    for _ in range(topics):
        (name_length,) = struct.unpack_from(">h", frame, at)
        at += 2 + name_length
        (partitions,) = struct.unpack_from(">i", frame, at)
        at += 4
        for _ in range(partitions):
            (error,) = struct.unpack_from(">h", frame, at + 4)
            at += 4 + 2 + 8 + 8 + (8 if version >= 5 else 0)
            (aborted,) = struct.unpack_from(">i", frame, at)
            at += 4 + max(aborted, 0) * 16 + (4 if version >= 11 else 0)
            (size,) = struct.unpack_from(">i", frame, at)
            if error or size > 0:
                return False
            at += 4
    return True


class Pacer:
    """The proxy. One per broker; every client must come through it, else produced data wake nobody."""

    def __init__(self, listen: int, upstream: int) -> None:
        self._listen = listen
        self._upstream = upstream
        self._produced = 0
        self._wake = asyncio.Event()
        self._own = HOST.encode() + struct.pack(">i", listen)
        self._other = HOST.encode() + struct.pack(">i", upstream)

    async def serve(self, stop: asyncio.Event) -> None:
        """Listen until ``stop`` is set."""
        server = await asyncio.start_server(self._connection, HOST, self._listen, limit=1024 * 1024)
        try:
            await stop.wait()
        finally:
            server.close()

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        waiting: dict[int, Request] = {}
        try:
            up_reader, up_writer = await asyncio.open_connection(HOST, self._upstream, limit=1024 * 1024)
        except OSError:
            writer.close()
            return
        ways = [
            asyncio.create_task(self._requests(reader, up_writer, waiting)),
            asyncio.create_task(self._answers(up_reader, writer, waiting)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            writer.close()
            up_writer.close()

    async def _requests(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, waiting: dict[int, Request]
    ) -> None:
        clock = asyncio.get_running_loop()
        while (frame := await _read_frame(reader)) is not None:
            key, version, correlation, max_wait = read_request(frame)
            until = clock.time() + max_wait / 1000 if max_wait else 0.0
            waiting[correlation] = Request(key, version, until, self._produced)
            writer.write(struct.pack(">i", len(frame)) + frame)
            await writer.drain()

    async def _answers(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, waiting: dict[int, Request]
    ) -> None:
        while (frame := await _read_frame(reader)) is not None:
            (correlation,) = struct.unpack_from(">i", frame)
            request = waiting.pop(correlation, None)
            if request is not None:
                if request.until and is_empty_fetch(frame, request.version):
                    await self._hold(request)
                elif request.key in _NAMES_BROKERS:
                    frame = frame.replace(self._other, self._own)
                elif request.key in _BRINGS_DATA:
                    self._produced += 1
                    self._wake.set()
                    self._wake = asyncio.Event()
            writer.write(struct.pack(">i", len(frame)) + frame)
            await writer.drain()

    async def _hold(self, request: Request) -> None:
        """Wait as Kafka would. Data that came after the fetch was sent on may not be in its answer: no wait then."""
        if request.produced != self._produced:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(request.until):
                await self._wake.wait()


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
