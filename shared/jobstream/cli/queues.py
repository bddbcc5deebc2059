"""``jobstream queues list|show|pause|resume|set``."""

from enum import StrEnum
from typing import Annotated, Any

import typer

from jobstream.cli.address import Api
from jobstream.cli.output import Exit, Format, fail, print_json
from jobstream.cli.show_flow import describe_queue, queue_table
from jobstream.cli.talk import talking_to
from jobstream.client import flow as calls

queues = typer.Typer(no_args_is_help=True, help="Queues: how their jobs are handed out.")

Output = Annotated[Format, typer.Option("--output", "-o", help="How to print.")]
Name = Annotated[str, typer.Argument(help="The queue's name.")]
NONE = "none"


class Mode(StrEnum):
    """How jobs of a queue are handed out."""

    STREAM = "stream"
    MANAGED = "managed"
    DEFAULT = "default"


@queues.command("list")
def list_queues(output: Output = Format.TABLE, api: Api = None) -> None:
    """List queues, with their jobs."""
    with talking_to(api) as client:
        document = client.send(calls.list_queues())
    if output is Format.JSON:
        print_json(document)
    else:
        queue_table(document["items"])


@queues.command("show")
def show(name: Name, output: Output = Format.TABLE, api: Api = None) -> None:
    """Show a queue. Exit codes: 0 shown, 3 no such queue."""
    with talking_to(api) as client:
        queue = client.send(calls.get_queue(name))
    _print(queue, output)


@queues.command("pause")
def pause(name: Name, output: Output = Format.TABLE, api: Api = None) -> None:
    """Start nothing of a queue any more; what runs goes on. Exit codes: 0 done, 3 no such queue."""
    _change(name, {"paused": True}, output, api)


@queues.command("resume")
def resume(name: Name, output: Output = Format.TABLE, api: Api = None) -> None:
    """Let it go on. Exit codes: 0 done, 3 no such queue."""
    _change(name, {"paused": False}, output, api)


@queues.command("set")
def set_queue(
    name: Name,
    mode: Annotated[Mode | None, typer.Option(help="`default`: as JOBSTREAM_MANAGED_QUEUES says.")] = None,
    fair_by: Annotated[
        str | None, typer.Option(help="Path into the payload that tells tenants apart, '$.tenant', or `none`.")
    ] = None,
    weight: Annotated[
        list[str] | None, typer.Option(help="Share of a tenant, TENANT=WEIGHT; repeatable. Replaces all there are.")
    ] = None,
    output: Output = Format.TABLE,
    api: Api = None,
) -> None:
    """Change how a queue is handed out; what is not given stays. Exit codes: 0 done, 1 refused, 3 no such queue."""
    fields: dict[str, Any] = {}
    if mode is not None:
        fields["mode"] = None if mode is Mode.DEFAULT else mode.value
    if fair_by is not None:
        fields["fair_by"] = None if fair_by == NONE else fair_by
    if weight is not None:
        fields["weights"] = dict(_weight(text) for text in weight)
    _change(name, fields, output, api)


def _weight(text: str) -> tuple[str, float]:
    tenant, _, share = text.rpartition("=")
    try:
        return tenant, float(share)
    except ValueError:
        fail(f"--weight takes TENANT=WEIGHT like acme=3, not {text!r}", Exit.USAGE)


def _change(name: str, fields: dict[str, Any], output: Format, api: str | None) -> None:
    with talking_to(api) as client:
        queue = client.send(calls.change_queue(name, fields))
    _print(queue, output)


def _print(queue: dict[str, Any], output: Format) -> None:
    if output is Format.JSON:
        print_json(queue)
    else:
        describe_queue(queue)
