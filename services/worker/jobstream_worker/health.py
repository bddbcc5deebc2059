"""``/healthz``, ``/readyz`` and ``/metrics`` of a worker, over plain HTTP/1.1."""

import asyncio
import time
from collections.abc import Callable

import orjson

from jobstream.errors import ConfigurationError
from jobstream_worker.metrics import CONTENT_TYPE

Answer = tuple[int, str, bytes]
"""Status code, content type, body."""

_REASONS = {200: "OK", 404: "Not Found", 405: "Method Not Allowed", 503: "Service Unavailable"}
_JSON = "application/json"
_REQUEST_S = 5.0
_MAX_HEAD = 8192


class HealthServer:
    """Answers three paths; everything else is 404.

    Args:
        troubles: what keeps the worker from working, in words; empty if it is ready.
        metrics: the metrics as Prometheus reads them.
    """

    name = "health"

    def __init__(
        self, host: str, port: int, *, troubles: Callable[[], list[str]], metrics: Callable[[], bytes]
    ) -> None:
        self._host = host
        self._port = port
        self._troubles = troubles
        self._metrics = metrics
        self._server: asyncio.Server | None = None
        self.url: str | None = None

    async def start(self) -> None:
        """Listen; the address is in ``url`` then.

        Raises:
            ConfigurationError: the port is taken or the host is not ours.
        """
        try:
            self._server = await asyncio.start_server(self._serve, self._host, self._port, limit=_MAX_HEAD)
        except OSError as error:
            raise ConfigurationError(
                f"cannot listen on {self._host}:{self._port} ({error.strerror}): set JOBSTREAM_WORKER_METRICS_PORT "
                "to a free port, or to 0 for any"
            ) from error
        host, port = self._server.sockets[0].getsockname()[:2]
        self.url = f"http://{f'[{host}]' if ':' in host else host}:{port}"

    async def stop(self, deadline_s: float = 1.0) -> None:
        """Listen no more."""
        server, self._server = self._server, None
        if server is not None:
            server.close()

    def answer(self, method: str, path: str) -> Answer:
        """What a request gets."""
        if method not in ("GET", "HEAD"):
            return 405, _JSON, b'{"error":"only GET is answered here"}'
        match path.partition("?")[0]:
            case "/healthz":
                return 200, _JSON, b'{"status":"ok"}'
            case "/readyz":
                troubles = self._troubles()
                body = orjson.dumps({"status": "not ready" if troubles else "ready", "troubles": troubles})
                return 503 if troubles else 200, _JSON, body
            case "/metrics":
                return 200, CONTENT_TYPE, self._metrics()
            case _:
                return 404, _JSON, b'{"error":"there are /healthz, /readyz and /metrics"}'

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_REQUEST_S):
                head = await reader.readuntil(b"\r\n\r\n")
                method, path, _ = head.split(b"\r\n", 1)[0].decode("latin-1").split(" ", 2)
                writer.write(_response(self.answer(method, path), with_body=method != "HEAD"))
                await writer.drain()
        except (TimeoutError, ValueError, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # not HTTP, or gone
        finally:
            writer.close()


def _response(answer: Answer, *, with_body: bool) -> bytes:
    status, content_type, body = answer
    head = (
        f"HTTP/1.1 {status} {_REASONS[status]}\r\nContent-Type: {content_type}\r\n"
        f"Content-Length: {len(body)}\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + (body if with_body else b"")


class Readiness:
    """Whether the worker can work, from what its parts know.

    Args:
        joined: true while the worker is a member of its group.
        told: true once it has read what the api told all workers.
        waiting_s: age of the oldest record Kafka has not acknowledged, seconds.
        answered_at: monotonic time of Kafka's last answer.
        ages: seconds since each loop's last good turn, by name.
    """

    MAX_WAITING_S = 10.0
    MAX_SILENCE_S = 12.0
    MAX_AGE_S = 60.0

    def __init__(
        self,
        joined: Callable[[], bool],
        told: Callable[[], bool],
        waiting_s: Callable[[], float],
        answered_at: Callable[[], float],
        ages: Callable[[], dict[str, float]],
    ) -> None:
        self._joined = joined
        self._told = told
        self._waiting_s = waiting_s
        self._answered_at = answered_at
        self._ages = ages

    def troubles(self) -> list[str]:
        """What keeps the worker from working; empty if nothing does."""
        troubles = []
        if not self._joined():
            troubles.append("not a member of the workers' group")
        if not self._told():
            troubles.append("the control topic was not read to its end yet")
        if self._waiting_s() > self.MAX_WAITING_S:
            troubles.append(f"Kafka has acknowledged nothing for {self._waiting_s():.0f} s")
        silence = time.monotonic() - self._answered_at()
        if silence > self.MAX_SILENCE_S:
            troubles.append(f"Kafka has not answered for {min(silence, 86400):.0f} s")
        troubles += [f"the loop {name} stands still" for name, age in self._ages().items() if age > self.MAX_AGE_S]
        return troubles
