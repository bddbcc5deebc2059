"""Health, readiness and metrics, over a real socket on loopback."""

import asyncio
import time

import orjson
import pytest

from jobstream.errors import ConfigurationError
from jobstream_worker.health import HealthServer, Readiness


async def ask(server: HealthServer, request: bytes) -> bytes:
    host, port = server.url.removeprefix("http://").rsplit(":", 1)
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(request)
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer


@pytest.fixture
async def server():
    troubles = []
    made = HealthServer("127.0.0.1", 0, troubles=lambda: troubles, metrics=lambda: b"jobs 1\n")
    made.told = troubles
    await made.start()
    yield made
    await made.stop()


async def test_it_answers_health_readiness_and_metrics(server):
    assert (await ask(server, b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")).startswith(b"HTTP/1.1 200 OK")
    assert (await ask(server, b"GET /readyz HTTP/1.1\r\n\r\n")).endswith(b'{"status":"ready","troubles":[]}')
    assert (await ask(server, b"GET /metrics HTTP/1.1\r\n\r\n")).endswith(b"\r\n\r\njobs 1\n")


async def test_readiness_says_what_is_wrong(server):
    server.told.append("Kafka has not answered for 14 s")
    answer = await ask(server, b"GET /readyz?x=1 HTTP/1.1\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 503 Service Unavailable")
    assert orjson.loads(answer.split(b"\r\n\r\n")[1])["troubles"] == ["Kafka has not answered for 14 s"]


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", b"404"),
        (b"POST /metrics HTTP/1.1\r\n\r\n", b"405"),
        (b"HEAD /healthz HTTP/1.1\r\n\r\n", b"200"),
    ],
)
async def test_other_requests(server, request_, status):
    answer = await ask(server, request_)
    assert answer.split(b" ")[1] == status


@pytest.mark.parametrize("request_", [b"nonsense\r\n\r\n", b"A" * 20_000 + b"\r\n\r\n"])
async def test_what_is_no_http_is_hung_up_on(server, request_):
    try:
        assert await ask(server, request_) == b""
    except ConnectionError:
        pass
    assert (await ask(server, b"GET /healthz HTTP/1.1\r\n\r\n")).startswith(b"HTTP/1.1 200")


async def test_a_taken_port_is_a_matter_of_settings(server):
    port = int(server.url.rsplit(":", 1)[1])
    with pytest.raises(ConfigurationError, match="JOBSTREAM_WORKER_METRICS_PORT"):
        await HealthServer("127.0.0.1", port, troubles=list, metrics=bytes).start()


def test_readiness_looks_at_the_group_the_acknowledges_the_answers_and_the_loops():
    state = {"joined": True, "told": True, "waiting": 0.0, "answered": time.monotonic(), "ages": {"committer": 1.0}}
    readiness = Readiness(
        lambda: state["joined"],
        lambda: state["told"],
        lambda: state["waiting"],
        lambda: state["answered"],
        lambda: state["ages"],
    )
    assert readiness.troubles() == []
    for change, words in (
        ({"joined": False}, "group"),
        ({"told": False}, "control topic"),
        ({"waiting": 11.0}, "acknowledged nothing for 11 s"),
        ({"answered": time.monotonic() - 13}, "not answered for 13 s"),
        ({"ages": {"committer": 61.0}}, "committer stands still"),
    ):
        before = dict(state)
        state |= change
        assert words in " ".join(readiness.troubles())
        state |= before
