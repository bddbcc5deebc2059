"""A peer's processes: its own environment, a redis where it needs one, a database, its worker and its server."""

import asyncio
import os
import re
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from bench.load import Load
from bench.peers.catalogue import Peer
from bench.place import Place
from bench.processes import Part
from jobstream.local.ports import HOST, free_port
from jobstream.local.processes import ChildFailed, Command, Family, Process
from jobstream.local.readiness import listens

ENVIRONMENT = Path("bench", "peers", ".venv")
SUBMIT_S = 300.0
READY_S = 60.0


@dataclass
class Stand:
    """A peer that runs.

    Attributes:
        submit: submits so many jobs, one at a time, 64 at once.
        outcomes: how many outcomes are durable.
        verify: raises ChildFailed if a result is not right.
    """

    parts: dict[str, Part]
    submit: Callable[[int], Awaitable[Load]]
    outcomes: Callable[[], Awaitable[int]]
    verify: Callable[[], Awaitable[None]]


async def prepare(family: Family, logs: Path) -> None:
    """Bring the environment of all peers up to date with uv.lock.

    Raises:
        ChildFailed: uv is missing or failed.
    """
    env = os.environ | {"UV_PROJECT_ENVIRONMENT": str(ENVIRONMENT)}
    argv = ["uv", "sync", "--frozen", "--quiet", "--only-group", "peers"]
    await family.run(Command("uv", argv, env=env, log=logs / "peers-uv.log"), timeout_s=600.0)


@asynccontextmanager
async def standing(peer: Peer, place: Place, family: Family, logs: Path) -> AsyncIterator[Stand]:
    """Start a peer on the PostgreSQL and Kafka of ``place``.

    Raises:
        ChildFailed, NotReady: a part of it does not come up.
    """
    port = free_port()
    processes: dict[str, Process] = {}
    async with AsyncExitStack() as stack:
        env = {"PEER_DATABASE": await _database(place, peer.name), "PEER_KAFKA": place.kafka, "PYTHONPATH": os.getcwd()}
        if peer.redis:
            redis_port = free_port()
            env["PEER_REDIS"] = f"redis://{HOST}:{redis_port}/0"
            processes["redis"] = await _start(family, stack, logs, "redis", _redis(redis_port), {})
            await listens(redis_port, "redis answers", processes["redis"], timeout_s=READY_S)
        for number, argv in enumerate(peer.setup):
            setup = Command("setup", _argv(argv, port), env=os.environ | env, log=logs / f"{peer.name}-{number}.log")
            await family.run(setup, timeout_s=READY_S)
        for part, argv in peer.processes.items():
            processes[part] = await _start(family, stack, logs, f"{peer.name}-{part}", _argv(argv, port), env)
        if "web" in processes:
            await listens(port, "the server answers", processes["web"], timeout_s=READY_S)
        parts = {name: Part([process.pid]) for name, process in processes.items()}
        if peer.over_http is not None:
            submit = peer.over_http(port)
        else:
            client, submit = await _submitter(peer, stack, env, logs)
            parts["client"] = Part([client])
        if peer.outcomes is None:
            outcomes = _keys(redis_port)
        else:
            outcomes = await _count(stack, env["PEER_DATABASE"], peer.outcomes)
        ours = place.parts()

        async def verify() -> None:
            if peer.verify:
                log = logs / f"{peer.name}-verify.log"
                command = Command("verify", _argv(peer.verify, port), env=os.environ | env, log=log)
                await family.run(command, timeout_s=SUBMIT_S)

        yield Stand(parts | {name: ours[name] for name in ("postgres", "kafka")}, submit, outcomes, verify)


async def _start(
    family: Family, stack: AsyncExitStack, logs: Path, name: str, argv: list[str], env: dict[str, str]
) -> Process:
    process = family.spawn(Command(name, argv, env=os.environ | env, log=logs / f"{name}.log"))
    stack.push_async_callback(process.stop)
    return process


def _argv(argv: tuple[str, ...], port: int) -> list[str]:
    """A program of the peers' environment, with the port that was chosen."""
    program, *rest = argv
    return [str(ENVIRONMENT / "bin" / program), *(word.replace("{port}", str(port)) for word in rest)]


def _redis(port: int) -> list[str]:
    server = shutil.which("redis-server")
    if server is None:
        raise ChildFailed("there is no redis-server (Debian: apt-get install redis-server)")
    return [server, "--port", str(port), "--bind", HOST, "--save", "", "--appendonly", "no"]


async def _database(place: Place, name: str) -> str:
    """A fresh database on the same server."""
    connection = await asyncpg.connect(place.database, timeout=10)
    try:
        await connection.execute(f"CREATE DATABASE peer_{name}")
    finally:
        await connection.close(timeout=5)
    return re.sub(r"/[^/]*$", f"/peer_{name}", place.database)


async def _submitter(
    peer: Peer, stack: AsyncExitStack, env: dict[str, str], logs: Path
) -> tuple[int, Callable[[int], Awaitable[Load]]]:
    """The peer's own client in a process of its own, ready before anything is measured: its id, and how to use it."""
    words = logs / f"{peer.name}-submit.log"
    log = stack.enter_context(words.open("wb"))
    process = await asyncio.create_subprocess_exec(
        *_argv(("python", "-m", peer.submitter, "submit"), 0),
        env=os.environ | env,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=log,
    )
    stack.push_async_callback(_end, process)
    assert process.stdout is not None
    await _said(process.stdout, b"ready", words)

    async def submit(jobs: int) -> Load:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(f"{jobs}\n".encode())
        await _said(process.stdout, b"done", words)
        return Load(by=peer.submitter)

    return process.pid, submit


async def _said(stream: asyncio.StreamReader, word: bytes, log: Path) -> None:
    """Wait for a line; what libraries print besides is skipped."""
    async with asyncio.timeout(SUBMIT_S):
        while (line := await stream.readline()).strip() != word:
            if not line:
                last = (await asyncio.to_thread(log.read_text))[-1000:]
                raise ChildFailed(f"the peer's submitter ended: {last}")


async def _end(process: asyncio.subprocess.Process) -> None:
    assert process.stdin is not None
    process.stdin.close()
    try:
        await asyncio.wait_for(process.wait(), 10.0)
    except TimeoutError:
        process.kill()
        await process.wait()


async def _count(stack: AsyncExitStack, database: str, query: str) -> Callable[[], Awaitable[int]]:
    connection = await asyncpg.connect(database, timeout=10, command_timeout=60)
    stack.push_async_callback(connection.close)

    async def count() -> int:
        return int(await connection.fetchval(query))

    return count


def _keys(port: int) -> Callable[[], Awaitable[int]]:
    """How many results redis holds."""

    async def keys() -> int:
        reader, writer = await asyncio.wait_for(asyncio.open_connection(HOST, port), 5.0)
        try:
            writer.write(b"DBSIZE\r\n")
            return int((await asyncio.wait_for(reader.readline(), 5.0))[1:])
        finally:
            writer.close()

    return keys
