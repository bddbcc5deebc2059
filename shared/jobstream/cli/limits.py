"""``jobstream limits list|show|set|remove``."""

from typing import Annotated, Any

import typer

from jobstream.cli.address import Api
from jobstream.cli.output import Exit, Format, fail, print_json, tell
from jobstream.cli.show_flow import describe_limit, limit_table
from jobstream.cli.talk import talking_to
from jobstream.client import flow as calls
from jobstream.contracts.flow import LimitKind

limits = typer.Typer(no_args_is_help=True, help="Limits: how often jobs may start, how many may be under way.")

Output = Annotated[Format, typer.Option("--output", "-o", help="How to print.")]
Name = Annotated[str, typer.Argument(help="The limit's name.")]
NONE = "none"


@limits.command("list")
def list_limits(output: Output = Format.TABLE, api: Api = None) -> None:
    """List limits, with the jobs at each."""
    with talking_to(api) as client:
        document = client.send(calls.list_limits())
    if output is Format.JSON:
        print_json(document)
    elif document["items"]:
        limit_table(document["items"])
    else:
        tell("no limits")


@limits.command("show")
def show(name: Name, output: Output = Format.TABLE, api: Api = None) -> None:
    """Show a limit, with its fullest keys. Exit codes: 0 shown, 3 no such limit."""
    with talking_to(api) as client:
        limit = client.send(calls.get_limit(name))
    _print(limit, output)


@limits.command("set")
def set_limit(
    name: Name,
    kind: Annotated[LimitKind | None, typer.Option(help="Starts in a period, or jobs at once.")] = None,
    limit: Annotated[int | None, typer.Option(help="How many.")] = None,
    per: Annotated[float | None, typer.Option(help="Of a rate: the period, seconds.")] = None,
    burst: Annotated[str | None, typer.Option(help="Of a rate: starts at once after a quiet time, or `none`.")] = None,
    key: Annotated[
        str | None, typer.Option(help="A limit for each value of this path: '$.customer', or `none`.")
    ] = None,
    max_waiting: Annotated[str | None, typer.Option(help="Refuse submits while so many wait, or `none`.")] = None,
    job_type: Annotated[
        list[str] | None, typer.Option("--type", help="A type it is for, besides those that declare it; repeatable.")
    ] = None,
    output: Output = Format.TABLE,
    api: Api = None,
) -> None:
    """Set a limit in place of what was set before; what is not given is as handlers declare it.

    Exit codes: 0 set, 1 refused.
    """
    setting = {
        "kind": None if kind is None else kind.value,
        "limit": limit,
        "period_s": per,
        "types": job_type,
    }
    given: dict[str, Any] = {field: value for field, value in setting.items() if value is not None}
    given |= {
        field: None if value == NONE else value if field == "key" else _number(field, value)
        for field, value in (("burst", burst), ("key", key), ("max_waiting", max_waiting))
        if value is not None
    }
    with talking_to(api) as client:
        made = client.send(calls.set_limit(name, given))
    _print(made, output)


@limits.command("remove")
def remove(name: Name, api: Api = None) -> None:
    """Take back what was set: what handlers declare holds again. Exit codes: 0 done, 3 nothing was set."""
    with talking_to(api) as client:
        client.send(calls.remove_limit(name))
    tell(f"what was set of {name} is taken back")


def _number(field: str, value: str) -> int:
    try:
        return int(value)
    except ValueError:
        fail(f"--{field.replace('_', '-')} takes a whole number or `{NONE}`, not {value!r}", Exit.USAGE)


def _print(limit: dict[str, Any], output: Format) -> None:
    if output is Format.JSON:
        print_json(limit)
    else:
        describe_limit(limit)
