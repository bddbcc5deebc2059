"""A TCP gate before a server: open, shut (connections break, new ones are refused), or frozen (silence)."""

import asyncio
from contextlib import suppress
from urllib.parse import parse_qs, urlsplit, urlunsplit


class Gate:
    """Forwards a loopback port to a PostgreSQL server."""

    def __init__(self, database_url: str) -> None:
        self._parts = urlsplit(database_url)
        self._server: asyncio.Server | None = None
        self._pumps: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._port = 0

    @property
    def database_url(self) -> str:
        """The server's address through the gate."""
        user = self._parts.netloc.rpartition("@")[0]
        query = "&".join(part for part in self._parts.query.split("&") if part and not part.startswith("host="))
        at = f"{user}@" if user else ""
        return urlunsplit(self._parts._replace(netloc=f"{at}127.0.0.1:{self._port}", query=query))

    async def open(self) -> None:
        """Let everything through, on the same port as before."""
        self._flowing.set()
        if self._server is None:
            self._server = await asyncio.start_server(self._accept, "127.0.0.1", self._port)
            self._port = self._server.sockets[0].getsockname()[1]

    async def shut(self) -> None:
        """Break what is connected and refuse what comes."""
        server, self._server = self._server, None
        if server is not None:
            server.close()
        for writer in list(self._writers):
            writer.transport.abort()
        for pump in list(self._pumps):
            pump.cancel()
        await asyncio.gather(*self._pumps, return_exceptions=True)
        if server is not None:
            await server.wait_closed()

    def freeze(self) -> None:
        """Keep connections, and let nothing through any more."""
        self._flowing.clear()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        host = parse_qs(self._parts.query).get("host", [self._parts.hostname or "127.0.0.1"])[0]
        port = self._parts.port or 5432
        if host.startswith("/"):
            return await asyncio.open_unix_connection(f"{host}/.s.PGSQL.{port}")
        return await asyncio.open_connection(host, port)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there_reader, there_writer = await self._connect()
        except OSError:
            writer.transport.abort()
            return
        self._writers |= {writer, there_writer}
        for source, sink in ((reader, there_writer), (there_reader, writer)):
            pump = asyncio.create_task(self._pump(source, sink))
            self._pumps.add(pump)
            pump.add_done_callback(self._pumps.discard)

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.CancelledError):
            while data := await source.read(64 * 1024):
                await self._flowing.wait()
                sink.write(data)
                await sink.drain()
        self._writers.discard(sink)
        sink.transport.abort()
