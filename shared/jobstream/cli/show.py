"""Jobs for people's eyes."""

from datetime import datetime
from typing import Any

import orjson
from rich.console import Console
from rich.table import Table
from rich.text import Text

from jobstream.client import JobSnapshot
from jobstream.contracts.status import JobStatus

COLOURS = {
    JobStatus.PENDING: "blue",
    JobStatus.RUNNING: "cyan",
    JobStatus.RETRYING: "yellow",
    JobStatus.COMPLETED: "green",
    JobStatus.FAILED: "red",
    JobStatus.CANCELLED: "magenta",
}


def job_document(job: JobSnapshot) -> dict[str, Any]:
    """A job as the api's JSON has it."""
    return job.model_dump(mode="json")


def describe_job(job: JobSnapshot) -> None:
    """One job, a field a line."""
    print_fields(_fields(job))


def job_table(jobs: list[JobSnapshot]) -> None:
    """Many jobs, one a line."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("id", "type", "status", "attempt", "created", "took", "error"):
        table.add_column(name, no_wrap=name != "error", overflow="ellipsis" if name == "error" else "fold")
    for job in jobs:
        table.add_row(
            str(job.id),
            Text(job.type),
            _status(job),
            str(job.attempt),
            _time(job.created_at),
            _took(job),
            Text(job.last_error or ""),
        )
    print_table(table)


def print_fields(rows: list[tuple[str, str | Text]]) -> None:
    """A name and a value a line, without those that are empty."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim")
    grid.add_column(overflow="fold")
    for name, value in rows:
        if value:
            grid.add_row(name, value if isinstance(value, Text) else Text(value))
    Console().print(grid)


def print_table(table: Table) -> None:
    """A table, as wide as the terminal is."""
    console = Console()
    if not console.is_terminal:
        console.width = 200  # a pipe has no width; lines must not be cut for it
    console.print(table)


def _fields(job: JobSnapshot) -> list[tuple[str, str | Text]]:
    progress = "" if job.progress is None else f"{job.progress:.0%}  {job.progress_text or ''}".rstrip()
    return [
        ("id", str(job.id)),
        ("type", job.type),
        ("status", _status(job)),
        ("attempt", f"{job.attempt} of {job.max_retries + 1}"),
        ("queue", job.queue + (f", key {job.key}" if job.key else "")),
        ("created", _time(job.created_at)),
        ("run at", _time(job.run_at)),
        ("start before", _time(job.start_before)),
        ("started", _time(job.started_at)),
        ("finished", _time(job.finished_at)),
        ("took", _took(job)),
        ("worker", job.worker or ""),
        ("progress", progress),
        ("tags", ", ".join(job.tags)),
        ("payload", orjson.dumps(job.payload).decode()),
        ("result", "" if job.result is None else orjson.dumps(job.result).decode()),
        ("error", job.last_error or ""),
    ]


def _status(job: JobSnapshot) -> Text:
    return Text(job.status.value, style=COLOURS[job.status])


def _time(at: datetime | None) -> str:
    return "" if at is None else f"{at.astimezone():%Y-%m-%d %H:%M:%S}"


def _took(job: JobSnapshot) -> str:
    if job.started_at is None or job.finished_at is None:
        return ""
    return f"{(job.finished_at - job.started_at).total_seconds():.2f} s"
