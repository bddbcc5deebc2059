"""`make bench`: the scenarios against a cluster of its own (or `--api`, `--kafka`, `--database`), one table.

Every run is checked for correctness too: each job is one row, COMPLETED, with the right result.
"""

import argparse
import asyncio
import json
import os
import platform
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import psutil
import uvloop
from rich.console import Console
from rich.table import Table

from bench.load import BODY, Result, closed_loop, open_loop
from jobstream.kafka.publisher import Publisher
from jobstream.local.cluster import Cluster, Options
from jobstream.settings import Settings

COMPLETED = "SELECT count(*) FROM jobs WHERE status = 'COMPLETED' AND result = '{\"output\": \"success\"}'"
PATIENCE_S = 120.0


@dataclass(frozen=True)
class Place:
    """Where the system is."""

    host: str
    port: int
    kafka: str
    database: str


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    what: str
    jobs: int
    taken_s: float
    done_s: float
    cpu_s: float | None
    result: Result


async def measured(what: str, jobs: int, place: Place, submit: Callable[[], Awaitable[Result]]) -> Row:
    """Submit, wait until every job is recorded, and count what it took.

    Raises:
        RuntimeError: a request was refused, or not every job ended COMPLETED with its result in time.
    """
    connection = await asyncpg.connect(place.database)
    before = await connection.fetchval(COMPLETED)
    cpu = cpu_seconds()
    began = time.perf_counter()
    result = await submit()
    taken = time.perf_counter() - began
    while (done := await connection.fetchval(COMPLETED) - before) < jobs:
        if time.perf_counter() - began > PATIENCE_S:
            raise RuntimeError(f"{what}: {done} of {jobs} jobs ended in {PATIENCE_S:.0f} s")
        await asyncio.sleep(0.02)
    row = Row(what, jobs, taken, time.perf_counter() - began, cpu_seconds(cpu), result)
    await connection.close()
    if result.refused or done != jobs:
        raise RuntimeError(f"{what}: {result.refused} refused, {done} of {jobs} jobs recorded")
    return row


def cpu_seconds(since: float | None = None) -> float:
    """CPU seconds of our children (api, workers, PostgreSQL, Kafka) so far, less ``since``."""
    total = 0.0
    for process in psutil.Process().children(recursive=True):
        try:
            times = process.cpu_times()
            total += times.user + times.system
        except psutil.NoSuchProcess:
            continue
    return total - (since or 0.0)


async def by_record(place: Place, jobs: int) -> Result:
    """Write records straight to the topic."""
    publisher = Publisher(Settings(kafka_bootstrap_servers=place.kafka), "bench", linger_ms=5)
    began = time.perf_counter()
    futures = [await publisher.send("jobs.created", None, BODY, []) for _ in range(jobs)]
    await asyncio.gather(*futures)
    result = Result(seconds=time.perf_counter() - began)
    await publisher.stop()
    return result


async def scenarios(place: Place, scale: float) -> list[Row]:
    """All of them, one after another."""
    single, many = int(8_000 * scale), int(40_000 * scale) // 1000 * 1000 or 1000
    batch = json.dumps({"jobs": [json.loads(BODY)] * 1000}).encode()

    async def warm() -> Result:
        return await closed_loop(place.host, place.port, connections=8, requests=500, path=b"/jobs", body=BODY)

    async def singles() -> Result:
        return await closed_loop(place.host, place.port, connections=64, requests=single, path=b"/jobs", body=BODY)

    async def batches() -> Result:
        requests = many // 1000
        return await closed_loop(
            place.host, place.port, connections=2, requests=requests, path=b"/jobs/batch", body=batch
        )

    async def steady() -> Result:
        return await open_loop(place.host, place.port, rate=50, seconds=10 * scale)

    await measured("warm-up", 500, place, warm)
    return [
        await measured("POST /jobs, 64 connections", single, place, singles),
        await measured("POST /jobs/batch of 1,000", many, place, batches),
        await measured("records on the topic", many, place, lambda: by_record(place, many)),
        await measured("50/s, submit to COMPLETED read", int(500 * scale), place, steady),
    ]


def show(rows: list[Row]) -> None:
    """Print the table, and what machine it was."""
    table = Table(title="jobstream bench")
    for name in ("scenario", "jobs", "taken/s", "done/s", "CPU s per 1,000", "p50 ms", "p99 ms"):
        table.add_column(name, justify="left" if name == "scenario" else "right")
    for row in rows:
        timed = bool(row.result.latencies)
        table.add_row(
            row.what,
            f"{row.jobs:,}",
            f"{row.jobs / row.taken_s:,.0f}",
            f"{row.jobs / row.done_s:,.0f}",
            f"{row.cpu_s / row.jobs * 1000:.2f}" if row.cpu_s else "-",
            f"{row.result.percentile(0.5) * 1000:.1f}" if timed else "-",
            f"{row.result.percentile(0.99) * 1000:.1f}" if timed else "-",
        )
    console = Console()
    console.print(table)
    console.print(
        f"{platform.machine()}, {os.cpu_count()} cores, {psutil.virtual_memory().total / 2**30:.0f} GiB, "
        f"Python {platform.python_version()}; api, worker, PostgreSQL, broker and the load share them"
    )


async def main(args: argparse.Namespace) -> None:
    """Run against the cluster that was named, or one that lives as long as the run."""
    if args.api:
        api = urlsplit(args.api)
        place = Place(api.hostname or "127.0.0.1", api.port or 80, args.kafka, args.database)
        show(await scenarios(place, args.scale))
        return
    with tempfile.TemporaryDirectory(prefix="jobstream-bench-") as folder:
        options = Options(state_dir=Path(folder) / "state", broker=args.broker, workers=1, api_port=18_000)
        cluster = Cluster(options, tell=print, on_line=lambda _name, _line: None)
        try:
            run = await cluster.start()
            api = urlsplit(run["api"])
            assert api.hostname is not None
            assert api.port is not None
            show(await scenarios(Place(api.hostname, api.port, run["kafka"], run["database"]), args.scale))
        finally:
            await cluster.stop()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0, help="how much of the full load (default 1.0)")
    parser.add_argument("--broker", default=None, help="kafka, embedded or HOST:PORT, for a cluster of its own")
    parser.add_argument("--api", help="an api that runs already; then --kafka and --database too")
    parser.add_argument("--kafka", default="127.0.0.1:9092")
    parser.add_argument("--database", default="")
    uvloop.run(main(parser.parse_args()))
