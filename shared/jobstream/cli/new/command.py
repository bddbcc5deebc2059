"""``jobstream new handler``: a handler of one's own, and its test."""

import os
import shlex
from enum import StrEnum
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Annotated

import typer

from jobstream.cli.address import running_here
from jobstream.cli.new.naming import Names, names
from jobstream.cli.output import Exit, fail, tell
from jobstream.errors import ConfigurationError, HandlerError
from jobstream.handlers.registry import load_handlers

EXAMPLES = "jobstream_worker.examples"

new = typer.Typer(no_args_is_help=True, help="Files to start from.")


class Kind(StrEnum):
    """Where a handler runs."""

    ASYNC = "async"
    THREAD = "thread"
    PROCESS = "process"


@new.callback()
def _root() -> None:
    """Files to start from."""


@new.command("handler")
def handler(
    name: Annotated[str, typer.Argument(help="The job type; module and function are called after it.")],
    kind: Annotated[
        Kind,
        typer.Option(
            help="async: waits for others' answers. thread: waits too, with libraries that block. process: computes."
        ),
    ] = Kind.ASYNC,
    folder: Annotated[Path, typer.Option("--dir", help="Where to; made if it is not there.")] = Path(),
) -> None:
    """Write a module with a handler, and its test; both run as they are. Overwrites nothing.

    Exit codes: 0 written, 1 a file is there already, 2 the name cannot be used.
    """
    try:
        chosen = names(name, folder.resolve(), _shipped_types())
    except ConfigurationError as error:
        fail(str(error), Exit.USAGE)
    module, test = folder / f"{chosen.module}.py", folder / f"test_{chosen.module}.py"
    for path in (module, test):
        if path.exists():
            fail(f"{path} is there already; nothing was written")
    computes = kind is Kind.PROCESS
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _write(module, kind.value, chosen)
        _write(test, "test_computes" if computes else "test_greets", chosen)
    except OSError as error:
        fail(f"it cannot be written: {error}")
    typer.echo(f"wrote {module} and {test}")
    typer.echo("\nTry it:")
    for command in next_commands(chosen, test, '{"limit": 3000000}' if computes else '{"name": "Ann"}'):
        typer.echo(f"  {command}")
    if running_here() is not None:
        tell("\nThe cluster that runs here does not know it: stop that one before `up`.")


def next_commands(chosen: Names, test: Path, payload: str) -> list[str]:
    """How to test it, run it, and submit the first job."""
    away = os.path.relpath(chosen.package)
    change = "" if away == "." else f"cd {shlex.quote(away)} && "
    return [
        f"pytest {shlex.quote(str(test))}",
        f"{change}jobstream up --handlers {chosen.dotted} --reload",
        f"jobstream submit {chosen.type} {shlex.quote(payload)} --wait 10",
    ]


def _write(path: Path, template: str, chosen: Names) -> None:
    text = (files(__package__) / "templates" / f"{template}.txt").read_text("utf-8")
    filled = Template(text).substitute(
        type=chosen.type, function=chosen.module, model=chosen.model, dotted=chosen.dotted
    )
    with path.open("x", encoding="utf-8") as file:  # x: whoever was quicker keeps theirs
        file.write(filled)


def _shipped_types() -> list[str]:
    try:
        return load_handlers([EXAMPLES]).types
    except HandlerError:  # the worker is not installed here
        return []
