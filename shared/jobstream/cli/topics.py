"""``jobstream topics plan`` and ``jobstream topics apply``."""

from typing import Annotated

import typer

from jobstream.cli.address import known_settings
from jobstream.cli.output import Exit, Format, print_json, run, tell
from jobstream.kafka import topics as admin

topics = typer.Typer(no_args_is_help=True, help="The topics on the Kafka cluster, against what the settings ask for.")

Output = Annotated[Format, typer.Option("--output", "-o", help="How to print.")]


def _describe(change: admin.Change) -> dict[str, object]:
    return {
        "change": change.kind.value,
        "topic": change.spec.name,
        "purpose": change.spec.purpose,
        "partitions": {"have": change.have, "want": max(change.have, change.spec.partitions)},
        "settings": change.settings,
    }


def _show(changes: list[admin.Change], output: Format) -> None:
    if output is Format.JSON:
        print_json({"changes": [_describe(change) for change in changes]})
        return
    for change in changes:
        typer.echo(str(change))


async def _plan() -> list[admin.Change]:
    return await admin.plan(known_settings())


async def _apply() -> list[admin.Change]:
    return await admin.apply(known_settings())


@topics.command("plan")
def plan(output: Output = Format.TABLE) -> None:
    """Show what `apply` would change. Exit codes: 0 nothing, 1 error, 2 there are changes."""
    changes = run(_plan())
    _show(changes, output)
    if changes:
        raise typer.Exit(Exit.USAGE)
    tell("the topics are as they should be")


@topics.command("apply")
def apply(output: Output = Format.TABLE) -> None:
    """Create missing topics, grow partitions, set settings. Takes nothing away. Exit codes: 0 done, 1 error."""
    changes = run(_apply())
    _show(changes, output)
    tell(f"{len(changes)} changes made" if changes else "the topics are as they should be")
