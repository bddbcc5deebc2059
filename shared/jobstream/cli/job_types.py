"""``jobstream types list|pause|resume``."""

from typing import Annotated

import typer

from jobstream.cli.address import Api
from jobstream.cli.output import Format, print_json, tell
from jobstream.cli.show_flow import type_table
from jobstream.cli.talk import talking_to
from jobstream.client import flow as calls

types = typer.Typer(no_args_is_help=True, help="Job types: what the workers have handlers for.")

Output = Annotated[Format, typer.Option("--output", "-o", help="How to print.")]
Name = Annotated[str, typer.Argument(help="The job type.")]


@types.command("list")
def list_types(output: Output = Format.TABLE, api: Api = None) -> None:
    """List job types."""
    with talking_to(api) as client:
        document = client.send(calls.list_types())
    if output is Format.JSON:
        print_json(document)
    elif document["items"]:
        type_table(document["items"])
    else:
        tell("no worker has announced a type yet")


@types.command("pause")
def pause(name: Name, output: Output = Format.TABLE, api: Api = None) -> None:
    """Start no job of a type any more; what runs goes on. Exit codes: 0 done, 3 no such type."""
    _change(name, paused=True, output=output, api=api)


@types.command("resume")
def resume(name: Name, output: Output = Format.TABLE, api: Api = None) -> None:
    """Let it go on. Exit codes: 0 done, 3 no such type."""
    _change(name, paused=False, output=output, api=api)


def _change(name: str, *, paused: bool, output: Format, api: str | None) -> None:
    with talking_to(api) as client:
        changed = client.send(calls.change_type(name, {"paused": paused}))
    if output is Format.JSON:
        print_json(changed)
    else:
        type_table([changed])
