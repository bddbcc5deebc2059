"""Which api a command talks to."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import orjson
import typer

from jobstream.errors import ConfigurationError

if TYPE_CHECKING:
    from jobstream.settings import Settings

VARIABLE = "JOBSTREAM_API_URL"
RUN_FILE = Path(".jobstream", "run.json")

Api = Annotated[
    str | None,
    typer.Option("--api", envvar=VARIABLE, help="The api's address. Default: the one that `jobstream up` runs here."),
]


def api_url(given: str | None) -> str:
    """The address given, else the one of the cluster that runs in this folder or one above.

    Raises:
        ConfigurationError: there is neither.
    """
    if given:
        return given if "://" in given else f"http://{given}"
    run = running_here()
    if run is not None and isinstance(run.get("api"), str):
        return str(run["api"])
    raise ConfigurationError(
        f"no api to talk to: start one with `jobstream up`, or give its address with --api or {VARIABLE}"
    )


def known_settings() -> "Settings":
    """The settings; if they name no Kafka, the one of the cluster that runs in this folder or one above.

    Raises:
        ConfigurationError: a setting is wrong.
    """
    from jobstream.settings import Settings  # late: who only wants the api's address reads no settings

    settings = Settings.load()
    if "kafka_bootstrap_servers" in settings.model_fields_set:
        return settings
    run = running_here()
    return settings if run is None else Settings.load(kafka_bootstrap_servers=run["kafka"])


def running_here() -> dict[str, Any] | None:
    """What the run file of this folder, or of the nearest above, says."""
    for folder in (Path.cwd(), *Path.cwd().parents):
        run = read_run(folder / RUN_FILE)
        if run is not None:
            return run
    return None


def read_run(file: Path) -> dict[str, Any] | None:
    """What a run file says, or None if no cluster runs there."""
    try:
        run = orjson.loads(file.read_bytes())
        os.kill(int(run["pid"]), 0)  # a cluster that was killed could not remove its file
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return run if isinstance(run, dict) else None
