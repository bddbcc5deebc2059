"""The api as a process: over real sockets, with real signals."""

import asyncio
import re
import signal

import httpx2
import pytest

from jobstream.contracts.events import EventKind
from tests.integration.api.doors import announce, report
from tests.support.eventually import eventually

pytestmark = pytest.mark.integration

SEED = {"payload": {"task": "example"}}


async def _known(client):
    async def known():
        return (await client.get("/job-types")).json()["items"]

    await eventually(known, what="the type is known")


async def _raw(url: str, request: bytes) -> bytes:
    """What a server answers to these bytes; empty if it just closes."""
    host, _, port = url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        writer.write(request)
        await writer.drain()
        async with asyncio.timeout(10):
            return await reader.read(65536)
    finally:
        writer.close()


async def test_sigterm_answers_who_waits_and_ends_with_0(space):
    await announce(space, "example")
    api = await space.start_api(JOBSTREAM_SHUTDOWN_GRACE_S="5")
    async with space.http(api) as client:
        await _known(client)
        job = (await client.post("/jobs", json=SEED)).json()
        waiting = asyncio.create_task(client.get(f"/jobs/{job['id']}", params={"wait": 30}))
        metrics = "jobstream_waiters 1.0"

        async def waits():
            return metrics in (await client.get("/metrics")).text

        await eventually(waits, what="a request waits")
        loop = asyncio.get_running_loop()
        began = loop.time()
        api.send(signal.SIGTERM)
        answer = await waiting
        assert loop.time() - began < 5
        assert (answer.status_code, answer.json()["status"]) == (200, "PENDING")
    assert await api.gone(15) == 0
    assert await space.fetch("SELECT 1 FROM outbox") == []


async def test_a_second_sigterm_does_not_wait(space):
    api = await space.start_api(JOBSTREAM_SHUTDOWN_GRACE_S="60", JOBSTREAM_API_ROLES="http")
    host, _, port = api.url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"POST /jobs HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\nExpect: 100-continue\r\n\r\n")
    async with asyncio.timeout(10):
        assert b" 100 " in await reader.readuntil(b"\r\n\r\n")  # so the api waits for the body
    writer.write(b"{")  # and it never ends
    await writer.drain()
    api.send(signal.SIGTERM)
    assert await api.gone(1.0) is None
    api.send(signal.SIGTERM)
    assert await api.gone(10) in (0, 1)
    writer.close()


async def test_what_is_hardly_http_gets_4xx(space):
    api = await space.start_api(JOBSTREAM_API_ROLES="http")
    body = b'{"payload": {}}'
    requests = [
        b"GET /jobs/\xff\xfe HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"GET /jobs/%00 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"GET /jobs?key=%00%ff&status=%c0%80 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"GET /jobs?%ff%00=1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"GET /jobs?limit=" + b"9" * 5000 + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"POST /jobs HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\nConnection: close\r\n\r\n" + body,
        b"POST /jobs HTTP/1.1\r\nHost: x\r\nContent-Length: " + b"9" * 30 + b"\r\nConnection: close\r\n\r\n" + body,
        b"POST /jobs HTTP/1.1\r\nHost: x\r\nIdempotency-Key: \xff\r\nContent-Length: 15\r\nConnection: close\r\n\r\n"
        + body,
        b"POST /jobs HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\nzz\r\n",
        b"PATCH /jobs HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"nonsense\r\n\r\n",
    ]
    for request in requests:
        answer = await _raw(api.url, request)
        assert answer == b"" or answer.startswith(b"HTTP/1.1 4"), (request[:80], answer[:300])
    async with space.http(api) as client:
        assert (await client.get("/healthz")).status_code == 200
    assert "Traceback" not in api.log_text()


async def test_clients_that_drop_in_the_middle_lose_nothing(space):
    await announce(space, "example")
    api = await space.start_api(JOBSTREAM_API_ROLES="http")
    host, _, port = api.url.removeprefix("http://").partition(":")
    request = (
        b"POST /jobs HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 32\r\n\r\n"
        b'{"payload": {"task": "example"}}'
    )

    async def drop(n: int) -> None:
        _, writer = await asyncio.open_connection(host, int(port))
        writer.write(request[: len(request) - n % 40])
        await writer.drain()
        writer.transport.abort()

    async with space.http(api) as client:
        await _known(client)
        for begin in range(0, 1000, 50):
            await asyncio.gather(*(drop(n) for n in range(begin, begin + 50)))
        answer = await client.post("/jobs", json=SEED)
        assert answer.status_code == 201

        async def idle():
            connections = re.findall(r"jobstream_database_connections\{.*\} (\S+)", (await client.get("/metrics")).text)
            assert len(connections) == 2
            return connections[0] == connections[1] and not await space.fetch("SELECT 1 FROM outbox")

        await eventually(idle, what="the pool is idle and the outbox empty")
    stuck = await space.fetch("SELECT 1 FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'")
    assert stuck == []


async def test_roles_split_into_processes(space):
    await announce(space, "example")
    serves = await space.start_api(JOBSTREAM_API_ROLES="http")
    works = await space.start_api(JOBSTREAM_API_ROLES="applier,intake,leader")
    async with space.http(works) as inner:
        assert (await inner.post("/jobs", json=SEED)).status_code == 404
        assert (await inner.get("/healthz")).status_code == 200
        services = (await inner.get("/readyz")).json()["services"]
        assert {"relay", "catalogue", "applier", "intake", "leader"} <= set(services)
    async with space.http(serves) as client:
        await _known(client)
        assert "applier" not in (await client.get("/readyz")).json()["services"]
        job = (await client.post("/jobs", json=SEED)).json()
        waiting = asyncio.create_task(client.get(f"/jobs/{job['id']}", params={"wait": 20}))
        await report(space, job, EventKind.COMPLETED, result={"output": "success"})
        assert (await waiting).json()["status"] == "COMPLETED"


async def test_curl_without_headers_is_understood(space):
    await announce(space, "example")
    api = await space.start_api(JOBSTREAM_API_ROLES="http")
    async with space.http(api) as client:
        await _known(client)
    curl = await asyncio.create_subprocess_exec(
        "curl",
        "-s",
        "-X",
        "POST",
        f"{api.url}/jobs",
        "-d",
        '{"payload":{"task":"example","value":42}}',
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await curl.communicate()
    assert httpx2.Response(200, content=out).json()["status"] == "PENDING"
