"""Gates: waiting until something is so, with a deadline, and saying what was waited for."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection
from typing import Any

import httpx2

from jobstream.errors import JobstreamError
from jobstream.local.ports import HOST
from jobstream.local.processes import ChildFailed, Process


class NotReady(JobstreamError):
    """A gate did not open in time."""


async def until(
    check: Callable[[], Awaitable[bool]],
    what: str,
    *,
    timeout_s: float,
    process: Process | None = None,
    pause_s: float = 0.05,
) -> None:
    """Wait until ``check`` is true.

    Args:
        what: a sentence about the wanted state, for the error.
        process: whose readiness it is; if it ends meanwhile, waiting is over.

    Raises:
        ChildFailed: the process ended.
        NotReady: ``timeout_s`` seconds went by.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        if process is not None and (code := process.poll()) is not None:
            raise ChildFailed(
                f"{process.name} ended with code {code} before it was ready\n{process.last_words()}".rstrip()
            )
        if await check():
            return
        if time.monotonic() > deadline:
            words = process.last_words() if process is not None else ""
            raise NotReady(f"{what}: not so after {timeout_s:.0f} s\n{words}".rstrip())
        await asyncio.sleep(pause_s)


async def listens(port: int, what: str, process: Process, *, timeout_s: float) -> None:
    """Wait until a process of this machine takes connections on ``port``.

    Args:
        what: as of ``until``.
    """

    async def taken() -> bool:
        try:
            _, writer = await asyncio.wait_for(asyncio.open_connection(HOST, port), 1.0)
        except OSError:
            return False
        writer.close()
        return True

    await until(taken, what, timeout_s=timeout_s, process=process)


async def answers(client: httpx2.AsyncClient, url: str) -> Any:
    """The JSON of a 200 answer (its text, if it is no JSON), or None for anything else."""
    try:
        response = await client.get(url, timeout=2.0)
    except httpx2.HTTPError:
        return None
    if response.status_code != 200:
        return None
    try:
        return response.json()
    except ValueError:
        return response.text


async def http_ready(client: httpx2.AsyncClient, base: str, process: Process, *, timeout_s: float = 30.0) -> None:
    """Wait for a service's ``/readyz``."""

    async def ready() -> bool:
        return await answers(client, f"{base}/readyz") is not None

    await until(ready, f"{process.name} is ready at {base}", timeout_s=timeout_s, process=process)


async def workers_heard(
    client: httpx2.AsyncClient, api: str, pids: Collection[int], *, timeout_s: float = 30.0
) -> None:
    """Wait until the api has heard of workers, and knows every type that they run."""

    async def heard() -> bool:
        workers, types = await answers(client, f"{api}/workers"), await answers(client, f"{api}/job-types")
        if not isinstance(workers, dict) or not isinstance(types, dict):
            return False
        ours = [worker for worker in workers["items"] if worker["live"] and worker["pid"] in pids]
        known = {item["type"] for item in types["items"]}
        return {worker["pid"] for worker in ours} == set(pids) and all(known.issuperset(one["types"]) for one in ours)

    await until(heard, "the api has heard of every worker and its job types", timeout_s=timeout_s)
