"""The load generator: submits over raw HTTP/1.1 connections, so that it costs the machine little.

A client library would take more CPU than the api itself and measure that.
"""

import asyncio
import time
from dataclasses import dataclass, field

BODY = b'{"payload":{"task":"example","value":42}}'


@dataclass
class Result:
    """What a load saw.

    Attributes:
        seconds: from the first request to the last answer.
        latencies: of each request, seconds.
        refused: answers other than 201.
    """

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    refused: int = 0

    def percentile(self, share: float) -> float:
        """The latency that ``share`` of the requests stayed within, seconds."""
        ordered = sorted(self.latencies)
        return ordered[min(int(len(ordered) * share), len(ordered) - 1)] if ordered else 0.0


class Connection:
    """One keep-alive connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, host: str, port: int) -> "Connection":
        """Connect."""
        return cls(*await asyncio.open_connection(host, port))

    def close(self) -> None:
        """Hang up."""
        self._writer.close()

    async def request(self, method: bytes, path: bytes, body: bytes = b"") -> tuple[int, bytes]:
        """One request; returns status and body."""
        head = b"%s %s HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
        self._writer.write(head % (method, path, len(body)) + body)
        answer = await self._reader.readuntil(b"\r\n\r\n")
        status = int(answer[9:12])
        length = int(answer.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        return status, await self._reader.readexactly(length)


async def closed_loop(host: str, port: int, *, connections: int, requests: int, path: bytes, body: bytes) -> Result:
    """``requests`` POSTs over so many connections, each sending its next when the last is answered."""
    result = Result()
    left = requests

    async def drive(connection: Connection) -> None:
        nonlocal left
        while left > 0:
            left -= 1
            sent = time.perf_counter()
            status, _ = await connection.request(b"POST", path, body)
            result.latencies.append(time.perf_counter() - sent)
            result.refused += status != 201

    opened = [await Connection.open(host, port) for _ in range(connections)]
    began = time.perf_counter()
    await asyncio.gather(*(drive(connection) for connection in opened))
    result.seconds = time.perf_counter() - began
    for connection in opened:
        connection.close()
    return result


async def open_loop(host: str, port: int, *, rate: float, seconds: float) -> Result:
    """Submit at a fixed rate and wait for each job's end.

    A latency counts from the moment the request was due, whether or not it could be sent then, so
    that a stall of the system is seen by all requests it would have hit (no coordinated omission).
    """
    result = Result()
    idle: list[Connection] = []
    began = time.perf_counter()

    async def one(due: float) -> None:
        connection = idle.pop() if idle else await Connection.open(host, port)
        status, answer = await connection.request(b"POST", b"/jobs", BODY)
        result.refused += status != 201
        job_id = answer.split(b'"id":"')[1][:36]
        status, answer = await connection.request(b"GET", b"/jobs/%s?wait=10" % job_id)
        result.refused += b'"COMPLETED"' not in answer
        result.latencies.append(time.perf_counter() - due)
        idle.append(connection)

    tasks = []
    for number in range(int(rate * seconds)):
        due = began + number / rate
        await asyncio.sleep(max(due - time.perf_counter(), 0))
        tasks.append(asyncio.create_task(one(due)))
    await asyncio.gather(*tasks)
    result.seconds = time.perf_counter() - began
    for connection in idle:
        connection.close()
    return result
