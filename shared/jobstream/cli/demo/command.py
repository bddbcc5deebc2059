"""``jobstream demo`` itself."""

import asyncio
import secrets
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Annotated

import httpx2
import typer
from rich.console import Console

from jobstream.cli.demo.doors import play
from jobstream.cli.demo.place import Place
from jobstream.cli.demo.program import program
from jobstream.cli.demo.rates import Rate, measure
from jobstream.cli.demo.report import report
from jobstream.cli.demo.showing import showing
from jobstream.cli.demo.summary import Summary
from jobstream.cli.output import Exit, Format, fail, print_json, run, tell
from jobstream.cli.up import Presses
from jobstream.client import Client, KafkaClient
from jobstream.errors import JobstreamError

PLAY_S = 120.0
"""What the jobs get to end, seconds; on an idle machine they take a tenth of it."""
WORKERS_S = 20.0
KAFKA_S = 20.0


def demo(
    state_dir: Annotated[Path, typer.Option(help="Where the cluster lives, or shall live.")] = Path(".jobstream"),
    broker: Annotated[
        str | None, typer.Option(envvar="JOBSTREAM_BROKER", help="As of `up`, if a cluster has to be started.")
    ] = None,
    api: Annotated[
        str | None, typer.Option(help="An api elsewhere. Jobs that need files or mails of this machine are left out.")
    ] = None,
    kafka: Annotated[
        str | None, typer.Option(help="With --api: its brokers, HOST:PORT. Default: the settings'.")
    ] = None,
    output: Annotated[Format, typer.Option("--output", "-o", help="How to print the summary.")] = Format.TABLE,
) -> None:
    """Play jobs of every example type through both doors, and watch them. Some are bound to fail.

    Takes the cluster that runs here; else starts one, and stops it at the end. Exit codes: 0 every job ended as
    foretold, 1 one did not, or the demo could not be played, 2 wrong settings.
    """
    try:
        from jobstream.cli.demo.stage import elsewhere, stage
    except ImportError as error:
        fail(f"`demo` needs the extra `local` ({error}): pip install 'jobstream[local]'", Exit.USAGE)
    on = stage(state_dir, broker, tell) if api is None else elsewhere(api, kafka)
    try:
        summary = run(_demo(on, output))
    except asyncio.CancelledError:
        fail("stopped before its end")
    if summary.surprises():
        raise typer.Exit(Exit.FAILED)


async def _demo(on: AbstractAsyncContextManager[Place], output: Format) -> Summary:
    async with cancelled_by_signals(), on as place:
        console = Console(stderr=output is Format.JSON)
        summary = await _played(place, console, moving=output is Format.TABLE)
        if output is Format.TABLE:
            report(summary, console)
        else:
            print_json(summary.document())
        return summary


async def _played(place: Place, console: Console, *, moving: bool) -> Summary:
    tag = f"demo-{secrets.token_hex(3)}"
    acts, left_out = program(place, await _types(place))
    title = f"{len(acts)} jobs through two doors, tagged {tag}"
    async with Client(place.api) as http, _kafka_door(place) as kafka:
        began = time.monotonic()
        with showing(title, acts, place, console, moving=moving) as show:
            await play(acts, http, kafka, tag, changed=show.refresh, until=began + PLAY_S)
        with _telling(console, moving=moving) as begin:
            rates = await measure(http, kafka, tag, begin=begin)
    return Summary(place, tag, acts, rates, left_out, time.monotonic() - began)


async def _types(place: Place) -> set[str]:
    """What the live workers can run, once there is one.

    Raises:
        JobstreamError: the api does not answer, or no worker lives.
    """
    until = time.monotonic() + WORKERS_S
    async with httpx2.AsyncClient(base_url=place.api, timeout=5.0) as client:
        while True:
            try:
                workers = (await client.get("/workers")).raise_for_status().json()["items"]
            except (httpx2.HTTPError, ValueError, KeyError) as error:
                raise JobstreamError(f"the api at {place.api} does not tell of its workers: {error!r}") from None
            types = {job_type for worker in workers if worker["live"] for job_type in worker["types"]}
            if types:
                return types
            if time.monotonic() > until:
                raise JobstreamError(f"the api at {place.api} knows of no live worker; start one: jobstream worker")
            await asyncio.sleep(0.2)


@asynccontextmanager
async def _kafka_door(place: Place) -> AsyncIterator[KafkaClient]:
    client = KafkaClient(place.settings)
    try:
        try:
            await asyncio.wait_for(client.start(), KAFKA_S)
        except Exception as error:  # the library's errors, and those of the system
            address = place.settings.kafka_bootstrap_servers
            raise JobstreamError(f"no Kafka answers at {address}: {error or type(error).__name__}") from None
        yield client
    finally:
        await client.close()


@contextmanager
def _telling(console: Console, *, moving: bool) -> Iterator[Callable[[Rate], None]]:
    """Tell which series runs: on a terminal in a line that goes again."""
    if not (moving and console.is_terminal):
        yield lambda rate: tell(f"measuring: {rate.name}")
        return
    with console.status("measuring") as status:
        yield lambda rate: status.update(f"measuring: {rate.name}")


@asynccontextmanager
async def cancelled_by_signals() -> AsyncIterator[None]:
    """Cancel the current task when somebody asks to stop; again for each time somebody asks again."""
    task = asyncio.current_task()
    assert task is not None
    presses = Presses()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, presses.press)

    async def cancel() -> None:
        for count in range(1, 10):
            await presses.reached(count)
            task.cancel()

    canceller = asyncio.create_task(cancel(), name="cancel on signals")
    try:
        yield
    finally:
        canceller.cancel()
        await asyncio.gather(canceller, return_exceptions=True)
