"""``jobstream bench`` itself."""

import asyncio
import time
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from datetime import datetime
from enum import StrEnum
from functools import partial
from typing import Annotated, Any

import orjson
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from jobstream.cli.address import Api, api_url, known_settings, running_here
from jobstream.cli.bench import doors
from jobstream.cli.bench.ended import Ask, TooLate, wait_until_ended
from jobstream.cli.bench.report import report
from jobstream.cli.bench.series import Series
from jobstream.cli.bench.wire import Target, Wire
from jobstream.cli.output import Exit, Format, fail, print_json, run, tell
from jobstream.client import KafkaClient
from jobstream.errors import JobstreamError
from jobstream.settings import Settings

MANY = 5
"""Times as many jobs in batches and as records: these doors are that much wider."""
KAFKA_S = 10.0
ASK_S = 30.0


class Door(StrEnum):
    """A way in."""

    SINGLE = "single"
    BATCH = "batch"
    RECORDS = "records"
    STEADY = "steady"


TITLES = {
    Door.SINGLE: "POST /jobs",
    Door.BATCH: f"POST /jobs/batch of {doors.BATCH}",
    Door.RECORDS: "records",
    Door.STEADY: f"{doors.STEADY_RATE}/s, until COMPLETED is read",
}


def bench(
    jobs: Annotated[
        int, typer.Option(min=10, max=100_000, help="Jobs of `single`; `batch` and `records` take five times as many.")
    ] = 2000,
    door: Annotated[
        list[Door] | None, typer.Option(help="Only through this door; may be given again. Default: all.")
    ] = None,
    connections: Annotated[int, typer.Option(min=1, max=256, help="Connections of `single`.")] = 64,
    seconds: Annotated[int, typer.Option(min=1, max=300, help="How long `steady` goes on.")] = 10,
    timeout: Annotated[float, typer.Option(min=1, help="Most seconds that a series may take.")] = 120.0,
    kafka: Annotated[
        str | None, typer.Option(help="Brokers, HOST:PORT. Default: the settings', or those of the cluster here.")
    ] = None,
    output: Annotated[Format, typer.Option("--output", "-o", help="How to print.")] = Format.TABLE,
    api: Api = None,
) -> None:
    """Submit `example` jobs through every door, and tell rates and latencies. The jobs stay in the table.

    `taken` counts until the submits were answered, `done` until every job had ended. Needs a worker that runs
    `example`. Exit codes: 0 every job ended COMPLETED, 1 it failed, 2 wrong settings, 4 a job ended otherwise,
    5 a series took too long.
    """
    chosen = list(dict.fromkeys(door)) if door else list(Door)
    planned = {Door.SINGLE: jobs, Door.STEADY: seconds * doors.STEADY_RATE}
    wide = -(-jobs * MANY // doors.BATCH) * doors.BATCH
    series = [Series(TITLES[one], planned.get(one, wide)) for one in chosen]
    done = run(_in_time(_bench(dict(zip(chosen, series, strict=True)), api, kafka, connections, timeout)))
    if output is Format.JSON:
        print_json({"series": [one.document() for one in done]})
    else:
        report(done, Console())
    if not all(one.right for one in done):
        raise typer.Exit(Exit.NOT_COMPLETED)


async def _in_time(work: Coroutine[Any, Any, list[Series]]) -> list[Series]:
    try:
        return await work
    except TooLate as error:
        fail(str(error), Exit.TOO_LATE)


async def _bench(
    series: dict[Door, Series], api: str | None, kafka: str | None, connections: int, timeout_s: float
) -> list[Series]:
    target = Target.of(api_url(api))
    async with _records_door(api, kafka) as client, _asking(target) as ask:
        if client is None and series.pop(Door.RECORDS, None) is not None:
            tell("no Kafka that goes with this api is known, or it does not answer; --kafka names one")
        with _progress() as progress:
            for door, one in series.items():
                advance = partial(progress.advance, progress.add_task(one.door, total=one.planned))
                began = time.monotonic()
                since = await _submit(door, one, target, client, connections, advance, timeout_s)
                if since is not None:
                    one.taken_s = time.monotonic() - began
                    await wait_until_ended(ask, one, since, began=began, until=began + timeout_s)
    return list(series.values())


async def _submit(
    door: Door,
    series: Series,
    target: Target,
    client: KafkaClient | None,
    connections: int,
    advance: doors.Advance,
    timeout_s: float,
) -> datetime | None:
    """The submits of a series; returns since when its jobs are there, or None if it waited for each itself.

    Raises:
        TooLate: they took too long.
    """
    try:
        async with asyncio.timeout(timeout_s):
            match door:
                case Door.SINGLE:
                    return await doors.singles(target, series, connections, advance)
                case Door.BATCH:
                    return await doors.batches(target, series, advance)
                case Door.RECORDS:
                    assert client is not None
                    return await doors.records(client, series, advance)
                case Door.STEADY:
                    await doors.steady(target, series, advance)
                    return None
    except TimeoutError:
        raise TooLate(f"{series.door}: {len(series.ids):,} of {series.planned:,} jobs in {timeout_s:g} s") from None


@asynccontextmanager
async def _asking(target: Target) -> AsyncIterator[Ask]:
    """GETs documents over one connection."""
    wire = await Wire.open(target)

    async def ask(path: str) -> dict[str, Any]:
        answer = await wire.request("GET", path, timeout_s=ASK_S)
        if answer.status != 200:
            raise doors.Refused(f"GET {path}: {answer.status}: {answer.body[:300].decode(errors='replace')}")
        document: dict[str, Any] = orjson.loads(answer.body)
        return document

    try:
        yield ask
    finally:
        wire.close()


@asynccontextmanager
async def _records_door(api: str | None, kafka: str | None) -> AsyncIterator[KafkaClient | None]:
    """A client of the Kafka that goes with the api; None: it is not known, or, if nobody named it, not reached.

    Raises:
        JobstreamError: the one that was named does not answer.
    """
    settings = _kafka_settings(api, kafka)
    if settings is None:
        yield None
        return
    client = KafkaClient(settings)
    reached = True
    try:
        try:
            await asyncio.wait_for(client.start(), KAFKA_S)
        except Exception as error:  # the library's errors, and those of the system
            if kafka is not None:
                raise JobstreamError(f"no Kafka answers at {kafka}: {error or type(error).__name__}") from None
            reached = False
        yield client if reached else None
    finally:
        await client.close()


def _kafka_settings(api: str | None, kafka: str | None) -> Settings | None:
    """Where Kafka is. That of the cluster here does not go with an api elsewhere."""
    if kafka is not None:
        return Settings.load(kafka_bootstrap_servers=kafka)
    settings = known_settings()
    here = running_here()
    ours = here is not None and api_url(api) == here.get("api")
    return settings if ours or "kafka_bootstrap_servers" in Settings.load().model_fields_set else None


def _progress() -> Progress:
    """Bars on stderr; none where that is no terminal."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=console, disable=not console.is_terminal, refresh_per_second=4)
