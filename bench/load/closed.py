"""A fixed number of POSTs over a fixed number of keep-alive connections, each sending when it was answered.

h2load (Debian: nghttp2-client) makes them at a few microseconds each; without it, asyncio does at several times that.
"""

import asyncio
import re
import shutil
import tempfile
import time
from pathlib import Path
from typing import cast

from bench.load import Load

H2LOAD = "h2load"
ROOM_S = 600.0


async def post_many(host: str, port: int, path: str, body: bytes, *, requests: int, connections: int) -> Load:
    """Send them; every answer must be of the 2xx.

    Raises:
        RuntimeError: the generator itself failed.
    """
    connections = min(connections, requests)
    if shutil.which(H2LOAD):
        return await _by_h2load(f"http://{host}:{port}{path}", body, requests, connections)
    return await _by_asyncio(host, port, path, body, requests, connections)


async def _by_h2load(url: str, body: bytes, requests: int, connections: int) -> Load:
    with tempfile.TemporaryDirectory(prefix="jobstream-load-") as folder:
        data, log = Path(folder, "body.json"), Path(folder, "requests.log")
        await asyncio.to_thread(data.write_bytes, body)
        process = await asyncio.create_subprocess_exec(
            *(H2LOAD, "--h1", "--threads=1", f"--requests={requests}", f"--clients={connections}"),
            *("--header=content-type: application/json", f"--data={data}", f"--log-file={log}", url),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            told, _ = await asyncio.wait_for(process.communicate(), ROOM_S)
        except BaseException:
            process.kill()
            raise
        words = told.decode(errors="replace")
        good = re.search(r"status codes: (\d+) 2xx", words)
        if process.returncode != 0 or good is None:
            raise RuntimeError(f"h2load ended with code {process.returncode}:\n{words}")
        # A line is: start (us since 1970), status, duration (us).
        lines = (await asyncio.to_thread(log.read_text)).splitlines()
        taken = [int(line.split("\t")[2]) / 1e6 for line in lines]
        return Load(taken, requests - int(good.group(1)), H2LOAD)


class _Connection(asyncio.Protocol):
    """One connection that sends the same request until there are no more to send."""

    def __init__(self, request: bytes, rest: list[int], load: Load) -> None:
        self._request = request
        self._rest = rest
        self._load = load
        self._answer = b""
        self._sent = 0.0
        self._transport: asyncio.WriteTransport | None = None
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclass of it, though they do all of it.
        self._transport = cast(asyncio.WriteTransport, transport)

    def send(self) -> None:
        """Send one more, or finish."""
        assert self._transport is not None
        if self._rest[0] == 0:
            self._transport.close()
            if not self.done.done():
                self.done.set_result(None)
            return
        self._rest[0] -= 1
        self._sent = time.perf_counter()
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._answer += data
        head, split, body = self._answer.partition(b"\r\n\r\n")
        if not split or len(body) < int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0]):
            return
        self._load.latencies.append(time.perf_counter() - self._sent)
        self._load.refused += head[9:10] != b"2"
        self._answer = b""
        self.send()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(error or ConnectionResetError("the api hung up"))


async def _by_asyncio(host: str, port: int, path: str, body: bytes, requests: int, connections: int) -> Load:
    head = f"POST {path} HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n"
    load, rest = Load(), [requests]
    loop = asyncio.get_running_loop()
    opened: list[_Connection] = []
    for _ in range(connections):
        _, made = await loop.create_connection(
            lambda: _Connection(f"{head}\r\n".encode() + body, rest, load), host, port
        )
        opened.append(made)
    for connection in opened:
        connection.send()
    await asyncio.wait_for(asyncio.gather(*(connection.done for connection in opened)), ROOM_S)
    return load
