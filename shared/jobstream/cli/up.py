"""``jobstream up``: the whole system on this machine, in the foreground."""

import asyncio
import shlex
import signal
import time
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import SecretStr

from jobstream.cli.output import Exit, fail, run, tell
from jobstream.settings import CommaList, Settings, split_commas

BETWEEN_PRESSES_S = 1.0
STATUS_EVERY_S = 30.0


class UpSettings(Settings):
    """The settings that `up` reads besides the shared ones."""

    handlers: CommaList = ()
    broker: str | None = None
    examples_dir: Path | None = None
    smtp_url: SecretStr | None = None


class Presses:
    """How often somebody asked us to stop: once is please, twice is quickly, three times is now.

    A terminal, make and uv may each pass the same Ctrl-C on, so signals within a second are one.
    """

    def __init__(self) -> None:
        self.count = 0
        self._last = float("-inf")
        self._changed = asyncio.Event()

    def press(self) -> None:
        """Take one signal."""
        now = time.monotonic()
        if self.count and now - self._last < BETWEEN_PRESSES_S:
            return
        self._last = now
        self.count += 1
        self._changed.set()
        self._changed = asyncio.Event()

    async def reached(self, count: int) -> None:
        """Return once there were ``count`` presses."""
        while self.count < count:
            await self._changed.wait()


def up(
    handlers: Annotated[
        str, typer.Option(help="Modules with handlers, comma-separated. The shipped examples come along.")
    ] = "",
    workers: Annotated[int, typer.Option(min=0, max=64, help="Worker processes.")] = 2,
    api_port: Annotated[int, typer.Option(min=1, max=65535, help="The api's port; if taken, a free one.")] = 8000,
    broker: Annotated[
        str | None,
        typer.Option(
            envvar="JOBSTREAM_BROKER", help="kafka, embedded, or HOST:PORT. Default: Kafka if it can run here."
        ),
    ] = None,
    state_dir: Annotated[Path, typer.Option(help="Where data, logs and addresses lie.")] = Path(".jobstream"),
    services: Annotated[bool, typer.Option(help="Also start the api and the workers.")] = True,
    reload: Annotated[
        bool, typer.Option("--reload", help="Start the workers again when the files of --handlers change.")
    ] = False,
) -> None:
    """Run PostgreSQL, a broker, the api and workers on this machine. Ctrl-C stops them; data stay.

    Exit codes: 0 stopped as asked, 1 a part did not come up, 2 wrong settings.
    """
    try:
        from jobstream.local.cluster import Options
    except ImportError as error:
        fail(f"`up` needs the extra `local` ({error}): pip install 'jobstream[local]'", Exit.USAGE)
    settings = UpSettings.load()
    named = split_commas(handlers)
    assert isinstance(named, tuple)
    options = Options(
        state_dir=state_dir,
        broker=broker or settings.broker,
        workers=workers,
        api_port=api_port,
        handlers=(*named, *settings.handlers),
        services=services,
        files=settings.examples_dir,
        own_mail_server=settings.smtp_url is not None,
    )
    if reload and not (options.handlers and services and workers):
        fail("--reload watches the files of --handlers, and needs workers", Exit.USAGE)
    run(_up(options, reload))


async def _up(options: Any, reload: bool) -> None:
    from jobstream.cli.reload import reloading
    from jobstream.local.cluster import Cluster
    from jobstream.local.logs import Printer

    printer = Printer()
    presses = Presses()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, presses.press)

    def tell(text: str) -> None:
        printer.line("up", text)

    async with reloading(options.handlers if reload else (), tell) as reloader:
        if reloader.broken:  # the workers begin with the shipped examples, and get the others once they load
            options = replace(options, handlers=())
        cluster = Cluster(options, tell, printer.line)
        try:
            if await _start(cluster, presses):
                _welcome(cluster.run)
                reloader.begin(cluster.reload_workers)
                await _until_pressed(cluster, presses, printer)
        finally:
            await reloader.end()
            await _stop(cluster, presses)


async def _start(cluster: Any, presses: Presses) -> bool:
    """Start the cluster; False if somebody asked to stop meanwhile."""
    start = asyncio.create_task(cluster.start(), name="start")
    pressed = asyncio.create_task(presses.reached(1), name="first press")
    try:
        await asyncio.wait({start, pressed}, return_when=asyncio.FIRST_COMPLETED)
        if start.done():
            await start
            return True
        return False
    finally:
        for task in (start, pressed):
            task.cancel()
        await asyncio.gather(start, pressed, return_exceptions=True)


async def _until_pressed(cluster: Any, presses: Presses, printer: Any) -> None:
    """Wait for the first press; tell how the services are whenever that has changed."""
    told = cluster.summary()
    while presses.count == 0:
        try:
            await asyncio.wait_for(presses.reached(1), STATUS_EVERY_S)
        except TimeoutError:
            if (now := cluster.summary()) != told:
                printer.line("up", now)
                told = now


async def _stop(cluster: Any, presses: Presses) -> None:
    """Stop in order; further presses make it quicker."""
    if presses.count:
        tell("stopping; Ctrl-C once more does not wait for running jobs")
    stop = asyncio.create_task(cluster.stop(), name="stop")
    hurry = asyncio.create_task(_hurry(cluster, presses), name="hurry")
    try:
        await stop
    finally:
        hurry.cancel()
        await asyncio.gather(hurry, return_exceptions=True)


async def _hurry(cluster: Any, presses: Presses) -> None:
    await presses.reached(2)
    quicker = asyncio.create_task(cluster.hurry(), name="quicker")
    try:
        await presses.reached(3)
        cluster.kill()
    finally:
        await asyncio.gather(quicker)


def _welcome(run: dict[str, Any]) -> None:
    took = time.time() - _started_at()
    api = run.get("api")
    # The database's address holds its password, so it stays in the run file.
    parts = [f"api {api}"] if api else [f"database {run['database'].rpartition('@')[2]}"]
    parts.append(f"kafka {run['kafka']}")
    typer.echo(f"jobstream is ready in {took:.1f} s: {'  '.join(parts)}  (Ctrl-C stops it)")
    if api:
        body = shlex.quote('{"payload": {"task": "example", "value": 42}}')
        typer.echo(f"  try: curl -X POST {api}/jobs -H 'content-type: application/json' -d {body}")


def _started_at() -> float:
    import psutil

    return float(psutil.Process().create_time())
