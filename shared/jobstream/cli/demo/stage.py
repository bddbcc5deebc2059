"""Sets the demo's stage: a cluster, an inbox for its mails, files for its workers; and clears it."""

import asyncio
import shutil
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from jobstream.cli.address import api_url, read_run
from jobstream.cli.demo.place import Place
from jobstream.cli.demo.program import FOLDER, ROWS
from jobstream.cli.up import UpSettings
from jobstream.errors import ConfigurationError
from jobstream.local.cluster import EXAMPLES, Cluster, Options
from jobstream.local.ports import is_free
from jobstream.local.processes import ChildFailed, Command, Family, Process
from jobstream.local.readiness import listens
from jobstream.settings import Settings

SAMPLES_S = 60.0
INBOX_S = 20.0

Tell = Callable[[str], None]


@asynccontextmanager
async def stage(state_dir: Path, broker: str | None, tell: Tell) -> AsyncIterator[Place]:
    """The cluster that runs in ``state_dir``, else one of the demo's own that ends with it; with all it needs.

    Raises:
        ConfigurationError: a cluster runs there, but without services.
        JobstreamError: it cannot be started, or the samples cannot be made.
    """
    run = read_run(state_dir / "run.json")
    if run is not None:
        async with _prepared(_place(run, started=False), run, state_dir, tell) as place:
            yield place
        return
    async with (
        _own_cluster(state_dir, broker, tell) as run,
        _prepared(_place(run, True), run, state_dir, tell) as place,
    ):
        yield place


@asynccontextmanager
async def elsewhere(api: str, kafka: str | None) -> AsyncIterator[Place]:
    """A cluster that somebody else runs. Its workers' files and mails are out of reach."""
    settings = Settings.load() if kafka is None else Settings.load(kafka_bootstrap_servers=kafka)
    yield Place(api_url(api), settings)


def _place(run: dict[str, Any], started: bool) -> Place:
    if not isinstance(run.get("api"), str):
        raise ConfigurationError("the cluster here runs without services; stop it, or start it without --no-services")
    return Place(str(run["api"]), Settings.load(kafka_bootstrap_servers=run["kafka"]), started=started)


@asynccontextmanager
async def _own_cluster(state_dir: Path, broker: str | None, tell: Tell) -> AsyncIterator[dict[str, Any]]:
    settings = UpSettings.load()
    options = Options(
        state_dir=state_dir,
        broker=broker or settings.broker,
        handlers=settings.handlers,
        files=settings.examples_dir,
        own_mail_server=settings.smtp_url is not None,
    )
    logs = state_dir / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    with (logs / "demo.log").open("w", encoding="utf-8") as log:
        cluster = Cluster(options, tell, lambda name, text: print(f"{name:<10} | {text}", file=log, flush=True))
        tell("starting PostgreSQL, a broker, the api and two workers")
        try:
            run = await cluster.start()
            tell(f"ready in {time.monotonic() - began:.1f} s: api {run['api']}  kafka {run['kafka']} ({run['broker']})")
            yield run
        except ChildFailed as error:
            raise ChildFailed(f"{error}\nwhat the services logged: {log.name}") from error
        finally:
            tell("stopping what was started")
            await cluster.stop()


@asynccontextmanager
async def _prepared(place: Place, run: dict[str, Any], state_dir: Path, tell: Tell) -> AsyncIterator[Place]:
    family = Family(state_dir / "demo-children.json")
    logs = state_dir / "logs"
    tell("making sample files, opening an inbox")
    try:
        if isinstance(run.get("files"), str):
            place = await _with_samples(place, Path(run["files"]) / FOLDER, family, logs, tell)
        if isinstance(run.get("smtp"), str):
            mails = state_dir / "inbox"
            await _inbox(family, urlsplit(run["smtp"]).port or 0, mails, logs)
            place = replace(place, mails=mails)
        yield place
    finally:
        await family.close()


async def _with_samples(place: Place, folder: Path, family: Family, logs: Path, tell: Tell) -> Place:
    """The place with new sample files in it; what an earlier demo left is gone."""
    await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
    argv = [sys.executable, "-m", f"{EXAMPLES}.samples", "--dir", str(folder), "--rows", str(ROWS)]
    try:
        await family.run(Command("samples", argv, log=logs / "demo-samples.log"), timeout_s=SAMPLES_S)
    except ChildFailed as error:  # e.g. without the libraries of the examples; the demo has other jobs
        tell(f"no sample files: {error}")
        return place
    return replace(place, files=folder)


async def _inbox(family: Family, port: int, mails: Path, logs: Path) -> Process:
    """Start the mail server that the workers were told of, and wait until it listens."""
    if not is_free(port):
        raise ChildFailed(
            f"port {port}, where the workers send mails to, is taken: does another demo run? "
            "If not, stop what listens there, or start the cluster again; it takes another port then"
        )
    log = logs / "demo-inbox.log"
    log.unlink(missing_ok=True)
    argv = [sys.executable, "-m", f"{EXAMPLES}.inbox", "--port", str(port), "--dir", str(mails)]
    process = family.spawn(Command("inbox", argv, log=log, grace_s=3.0))
    await listens(port, f"the inbox listens on port {port}", process, timeout_s=INBOX_S)
    return process
