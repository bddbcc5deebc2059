"""``jobstream schedules list|add|show|pause|resume|trigger|backfill|remove``."""

from typing import Annotated, Any

import typer

from jobstream.cli.address import Api
from jobstream.cli.output import Format, print_json, tell
from jobstream.cli.payloads import type_and_payload
from jobstream.cli.show_schedules import describe_schedule, fire_line, schedule_table
from jobstream.cli.talk import talking_to
from jobstream.client import schedules as calls
from jobstream.contracts.schedules import Missed, Overlap

schedules = typer.Typer(no_args_is_help=True, help="Schedules: jobs that come by the clock.")

Output = Annotated[Format, typer.Option("--output", "-o", help="How to print.")]
Name = Annotated[str, typer.Argument(help="The schedule's name or id.")]
PAGE = 100


@schedules.command("list")
def list_schedules(
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 100,
    output: Output = Format.TABLE,
    api: Api = None,
) -> None:
    """List schedules, newest first."""
    items: list[dict[str, Any]] = []
    cursor: str | None = None
    with talking_to(api) as client:
        while len(items) < limit:
            page = client.send(calls.list_all(min(limit - len(items), PAGE), cursor))
            items += page["items"]
            cursor = page["next_cursor"]
            if cursor is None:
                break
    if output is Format.JSON:
        print_json({"items": items})
    elif items:
        schedule_table(items)
    else:
        tell("no schedules")


@schedules.command("add")
def add(
    name: Annotated[str, typer.Argument(help="A name of its own.")],
    cron: Annotated[str, typer.Argument(help="'30 2 * * *', six fields with the second first, @daily, '@every 90s'.")],
    type_or_payload: Annotated[str, typer.Argument(help="The job type, or the payload as JSON if that names it.")],
    payload: Annotated[
        str | None, typer.Argument(help="The payload: JSON, @FILE, or - for stdin. Default: {}.", show_default=False)
    ] = None,
    timezone: Annotated[str, typer.Option(help="IANA time zone of the expression.")] = "UTC",
    overlap: Annotated[Overlap, typer.Option(help="While an earlier job is under way.")] = Overlap.ALLOW,
    missed: Annotated[Missed, typer.Option(help="Ticks that came while no api ran.")] = Missed.ONCE,
    missed_window: Annotated[float | None, typer.Option(help="With `--missed all`: how old, seconds.")] = None,
    paused: Annotated[bool, typer.Option("--paused", help="Do not fire yet.")] = False,
    queue: Annotated[str | None, typer.Option(help="Queue of the jobs; `default` if not given.")] = None,
    key: Annotated[str | None, typer.Option(help="Ordering key of the jobs.")] = None,
    max_retries: Annotated[int | None, typer.Option(min=0, max=100, help="Tries after the first.")] = None,
    timeout: Annotated[float | None, typer.Option(help="Longest run, seconds.")] = None,
    tag: Annotated[list[str] | None, typer.Option(help="A word to filter by; may be given again.")] = None,
    output: Output = Format.TABLE,
    api: Api = None,
) -> None:
    """Create a schedule. Exit codes: 0 created, 1 refused."""
    job_type, document = type_and_payload(type_or_payload, payload)
    job = {
        "payload": document,
        "type": job_type,
        "queue": queue,
        "key": key,
        "max_retries": max_retries,
        "timeout_s": timeout,
        "tags": tag,
    }
    schedule = {
        "name": name,
        "cron": cron,
        "timezone": timezone,
        "job": _given(job),
        "overlap": overlap.value,
        "missed": missed.value,
        "missed_window_s": missed_window,
        "paused": paused,
    }
    with talking_to(api) as client:
        made = client.send(calls.create(_given(schedule)))
    _print(made, output)


@schedules.command("show")
def show(name: Name, output: Output = Format.TABLE, api: Api = None) -> None:
    """Show a schedule, with its next ticks. Exit codes: 0 shown, 3 no such schedule."""
    with talking_to(api) as client:
        schedule = client.send(calls.get(name))
    _print(schedule, output)


@schedules.command("pause")
def pause(name: Name, output: Output = Format.TABLE, api: Api = None) -> None:
    """Stop a schedule from firing. Exit codes: 0 done, 3 no such schedule."""
    with talking_to(api) as client:
        schedule = client.send(calls.change(name, {"paused": True}))
    _print(schedule, output)


@schedules.command("resume")
def resume(name: Name, output: Output = Format.TABLE, api: Api = None) -> None:
    """Let it fire again, from its next tick on. Exit codes: 0 done, 3 no such schedule."""
    with talking_to(api) as client:
        schedule = client.send(calls.change(name, {"paused": False}))
    _print(schedule, output)


@schedules.command("trigger")
def trigger(
    name: Name,
    overlap: Annotated[Overlap | None, typer.Option(help="Instead of the schedule's policy.")] = None,
    output: Output = Format.TABLE,
    api: Api = None,
) -> None:
    """Fire now, whether paused or not. Exit codes: 0 done, 1 its overlap policy says no, 3 no such schedule."""
    with talking_to(api) as client:
        fire = client.send(calls.trigger(name, None if overlap is None else overlap.value))
    _print_fires([fire], fire, output)


@schedules.command("backfill")
def backfill(
    name: Name,
    start: Annotated[str, typer.Option("--from", help="First tick, RFC 3339: 2026-10-01T00:00:00Z.")],
    end: Annotated[str, typer.Option("--to", help="All ticks are before this time.")],
    overlap: Annotated[Overlap | None, typer.Option(help="`allow` or `queue`.")] = None,
    output: Output = Format.TABLE,
    api: Api = None,
) -> None:
    """Make the jobs of past ticks that made none. Exit codes: 0 done, 1 refused, 3 no such schedule."""
    with talking_to(api) as client:
        answer = client.send(calls.backfill(name, start, end, None if overlap is None else overlap.value))
    _print_fires(answer["items"], answer, output)


@schedules.command("remove")
def remove(name: Name, api: Api = None) -> None:
    """Remove a schedule; its jobs stay. Exit codes: 0 removed, 3 no such schedule."""
    with talking_to(api) as client:
        client.send(calls.remove(name))
    tell(f"{name} is removed")


def _given(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _print(schedule: dict[str, Any], output: Format) -> None:
    if output is Format.JSON:
        print_json(schedule)
    else:
        describe_schedule(schedule)


def _print_fires(fires: list[dict[str, Any]], document: dict[str, Any], output: Format) -> None:
    if output is Format.JSON:
        print_json(document)
        return
    for fire in fires:
        typer.echo(fire_line(fire))
