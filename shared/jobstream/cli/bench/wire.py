"""HTTP/1.1 on one keep-alive connection, as bare as it gets.

A client library would take more CPU than the api that it measures.
"""

import asyncio
import ssl
from dataclasses import dataclass
from typing import Self
from urllib.parse import urlsplit

from jobstream.errors import ConfigurationError, JobstreamError

_CONNECT_S = 10.0
_HEAD_END = b"\r\n\r\n"


class WireBroke(JobstreamError):
    """The connection to the api cannot be made, or broke."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where an api is.

    Attributes:
        prefix: what stands before every path.
    """

    host: str
    port: int
    tls: bool
    prefix: str = ""

    @classmethod
    def of(cls, url: str) -> Self:
        """Of an address like ``http://127.0.0.1:8000``.

        Raises:
            ConfigurationError: it is none.
        """
        parts = urlsplit(url)
        try:
            port = parts.port
        except ValueError:
            port = -1
        if parts.scheme not in ("http", "https") or not parts.hostname or port == -1:
            raise ConfigurationError(f"{url!r} is no address of an api: give one like http://127.0.0.1:8000")
        tls = parts.scheme == "https"
        return cls(parts.hostname, port or (443 if tls else 80), tls, parts.path.rstrip("/"))


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    body: bytes


class Wire:
    """One connection. One request at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, target: Target) -> None:
        self._reader = reader
        self._writer = writer
        self._target = target

    @classmethod
    async def open(cls, target: Target) -> Self:
        """Connect.

        Raises:
            WireBroke: nobody listens there, or not in time.
        """
        context = ssl.create_default_context() if target.tls else None
        try:
            async with asyncio.timeout(_CONNECT_S):
                reader, writer = await asyncio.open_connection(target.host, target.port, ssl=context)
        except (OSError, TimeoutError) as error:
            raise WireBroke(f"no api answers at {target.host}:{target.port}: {error or 'too late'}") from error
        return cls(reader, writer, target)

    def close(self) -> None:
        """Hang up."""
        self._writer.close()

    async def request(self, method: str, path: str, body: bytes = b"", *, timeout_s: float = 60.0) -> Answer:
        """One request and its answer.

        Raises:
            WireBroke: the connection ended, or no answer came in time.
        """
        target = self._target
        head = (
            f"{method} {target.prefix}{path} HTTP/1.1\r\nHost: {target.host}:{target.port}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        try:
            async with asyncio.timeout(timeout_s):
                self._writer.write(head.encode() + body)
                return await read_answer(self._reader)
        except (OSError, EOFError, TimeoutError, ValueError) as error:
            raise WireBroke(f"no answer to {method} {path}: {error or 'too late'}") from error


async def read_answer(reader: asyncio.StreamReader) -> Answer:
    """Read one answer, of a length told before or in chunks.

    Raises:
        EOFError: the connection ended too soon.
        ValueError: this is no HTTP.
    """
    head = await reader.readuntil(_HEAD_END)
    status, fields = int(head[9:12]), head.lower()
    if b"\r\ntransfer-encoding: chunked" in fields:
        return Answer(status, await _chunks(reader))
    length = int(fields.partition(b"\r\ncontent-length:")[2].partition(b"\r\n")[0])
    return Answer(status, await reader.readexactly(length))


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    parts = []
    while size := int((await reader.readuntil(b"\r\n")).partition(b";")[0], 16):
        parts.append(await reader.readexactly(size))
        await reader.readexactly(2)
    await reader.readuntil(b"\r\n")
    return b"".join(parts)
