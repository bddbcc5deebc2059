"""An open loop: so many requests a second, whether or not the system keeps up.

A latency counts from the moment its request was due, so a stall is seen by all the requests that it would have hit
(no coordinated omission).
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator

from bench.load import EXAMPLE, Load

_ANSWER_S = 60.0


class Connection:
    """One keep-alive connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, host: str, port: int) -> "Connection":
        """Connect."""
        return cls(*await asyncio.wait_for(asyncio.open_connection(host, port), _ANSWER_S))

    def close(self) -> None:
        """Hang up."""
        self._writer.close()

    async def request(self, method: str, path: str, body: bytes = b"") -> tuple[int, bytes]:
        """One request; returns status and body."""
        head = f"{method} {path} HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\ncontent-length: "
        self._writer.write(f"{head}{len(body)}\r\n\r\n".encode() + body)
        answer = await self._reader.readuntil(b"\r\n\r\n")
        length = int(answer.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        return int(answer[9:12]), await self._reader.readexactly(length)


async def submit(connection: Connection) -> bool:
    """POST a job; True if it was taken."""
    status, _ = await connection.request("POST", "/jobs", EXAMPLE)
    return status == 201


async def submit_and_wait(connection: Connection) -> bool:
    """POST a job and wait for its end as its submitter would; True if it is COMPLETED, with its result."""
    _, answer = await connection.request("POST", "/jobs", EXAMPLE)
    job_id = answer.split(b'"id":"')[1][:36].decode()
    _, answer = await connection.request("GET", f"/jobs/{job_id}?wait=30")
    return b'"status":"COMPLETED"' in answer and b'"output":"success"' in answer


async def paced(
    host: str,
    port: int,
    ask: Callable[[Connection], Awaitable[bool]],
    *,
    rate: float,
    until: Callable[[int], bool],
) -> Load:
    """Call ``ask`` at a fixed rate.

    Args:
        ask: one job; False counts as refused.
        rate: a second.
        until: told how many were sent; True ends it.
    """
    load = Load()
    idle: list[Connection] = []
    opened: list[Connection] = []

    async def one(due: float) -> None:
        if not idle:
            opened.append(await Connection.open(host, port))
            idle.append(opened[-1])
        connection = idle.pop()
        async with asyncio.timeout(_ANSWER_S):
            good = await ask(connection)
        load.refused += not good
        load.latencies.append(time.perf_counter() - due)
        idle.append(connection)

    tasks: list[asyncio.Task[None]] = []
    for due in _moments(rate, until):
        await asyncio.sleep(max(due - time.perf_counter(), 0))
        tasks.append(asyncio.create_task(one(due)))
    await asyncio.gather(*tasks)
    for connection in opened:
        connection.close()
    return load


def _moments(rate: float, until: Callable[[int], bool]) -> Iterator[float]:
    began, sent = time.perf_counter(), 0
    while not until(sent):
        yield began + sent / rate
        sent += 1
