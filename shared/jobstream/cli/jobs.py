"""``jobstream submit``, ``get``, ``list``, ``watch`` and ``retry``: jobs over HTTP."""

import sys
import time
from datetime import datetime
from typing import Annotated, Any

import orjson
import typer

from jobstream.cli.address import Api
from jobstream.cli.output import Exit, Format, fail, print_json, tell
from jobstream.cli.payloads import type_and_payload
from jobstream.cli.show import describe_job, job_document, job_table
from jobstream.cli.talk import talking_to
from jobstream.client import JobSnapshot, StillRunning
from jobstream.contracts.status import JobStatus
from jobstream.contracts.unique import OnConflict

Output = Annotated[Format, typer.Option("--output", "-o", help="How to print.")]
JobId = Annotated[str, typer.Argument(help="The job's id.")]
WATCH_POLL_S = 1.0


def submit(
    type_or_payload: Annotated[
        str, typer.Argument(help='The job type, or the payload as JSON if that names it: \'{"task": "example"}\'.')
    ],
    payload: Annotated[
        str | None, typer.Argument(help="The payload: JSON, @FILE, or - for stdin. Default: {}.", show_default=False)
    ] = None,
    queue: Annotated[str | None, typer.Option(help="Queue; `default` if not given.")] = None,
    key: Annotated[str | None, typer.Option(help="Ordering key: jobs with one key run one after another.")] = None,
    max_retries: Annotated[int | None, typer.Option(min=0, max=100, help="Tries after the first.")] = None,
    timeout: Annotated[float | None, typer.Option(help="Longest run, seconds.")] = None,
    delay: Annotated[float | None, typer.Option(help="Not before so many seconds from now.")] = None,
    start_within: Annotated[
        float | None, typer.Option(help="FAILED if it has not started so many seconds after it was due.")
    ] = None,
    priority: Annotated[
        int | None, typer.Option(min=0, max=9, help="Larger goes first in a managed queue and at a limit. Default: 0.")
    ] = None,
    tag: Annotated[list[str] | None, typer.Option(help="A word to filter by; may be given again.")] = None,
    idempotency_key: Annotated[str | None, typer.Option(help="Repeats with this key make no second job.")] = None,
    unique_by: Annotated[
        list[str] | None,
        typer.Option(help="At most one job with the same type, queue, key, $ or $.PATH; may be given again."),
    ] = None,
    unique_window: Annotated[
        float | None, typer.Option(help="Unique among the jobs of the last so many seconds.")
    ] = None,
    on_conflict: Annotated[
        OnConflict | None, typer.Option(help="What to do if there is one already. Default: reject.")
    ] = None,
    wait: Annotated[float | None, typer.Option(help="Wait up to so many seconds until the job ends.")] = None,
    output: Output = Format.TABLE,
    api: Api = None,
) -> None:
    """Submit a job. Exit codes: 0 stored (with --wait: COMPLETED), 1 refused, 4 ended otherwise, 5 still running."""
    job_type, document = type_and_payload(type_or_payload, payload)
    with talking_to(api) as client:
        job = client.submit(
            document,
            type=job_type,
            queue=queue,
            key=key,
            max_retries=max_retries,
            timeout_s=timeout,
            delay_s=delay,
            start_within_s=start_within,
            priority=priority,
            tags=tag,
            idempotency_key=idempotency_key,
            unique=_unique(unique_by, unique_window, on_conflict),
        )
        if wait is not None:
            job = client.wait(job.id, wait)
    print_job(job, output)
    _exit_for(job if wait is not None else None)


def get(
    job_id: JobId,
    wait: Annotated[float | None, typer.Option(help="Wait up to so many seconds until the job ends.")] = None,
    output: Output = Format.TABLE,
    api: Api = None,
) -> None:
    """Show a job. Exit codes: 0 shown, 3 no such job; with --wait: 4 ended other than COMPLETED, 5 still running."""
    with talking_to(api) as client:
        job = client.get(job_id) if wait is None else client.wait(job_id, wait)
    print_job(job, output)
    _exit_for(job if wait is not None else None)


def list_jobs(
    status: Annotated[JobStatus | None, typer.Option(help="Only jobs in this state.", case_sensitive=False)] = None,
    job_type: Annotated[str | None, typer.Option("--type", help="Only jobs of this type.")] = None,
    queue: Annotated[str | None, typer.Option(help="Only jobs of this queue.")] = None,
    key: Annotated[str | None, typer.Option(help="Only jobs with this ordering key.")] = None,
    tag: Annotated[str | None, typer.Option(help="Only jobs with this tag.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 20,
    output: Output = Format.TABLE,
    api: Api = None,
) -> None:
    """List jobs, newest first."""
    with talking_to(api) as client:
        jobs: list[JobSnapshot] = []
        wanted = {"status": status, "type": job_type, "queue": queue, "key": key, "tag": tag, "limit": min(limit, 100)}
        for job in client.iterate(**wanted):  # type: ignore[arg-type]
            jobs.append(job)
            if len(jobs) >= limit:
                break
    if output is Format.JSON:
        print_json({"items": [job_document(job) for job in jobs]})
    elif jobs:
        job_table(jobs)
    else:
        tell("no such jobs")


def watch(
    job_id: JobId,
    timeout: Annotated[float | None, typer.Option(help="Give up after so many seconds. Default: never.")] = None,
    output: Output = Format.TABLE,
    api: Api = None,
) -> None:
    """Follow a job to its end; with -o json one line per change. Exit codes: 0 COMPLETED, 3 no such job,
    4 ended otherwise, 5 still running after --timeout."""
    until = None if timeout is None else time.monotonic() + timeout
    seen: tuple[Any, ...] | None = None
    say = _say_json if output is Format.JSON else _say_line
    with talking_to(api) as client:
        while True:
            job = client.get(job_id)
            now = (job.status, job.attempt, job.progress, job.progress_text)
            if now != seen:
                say(job)
                seen = now
            if job.done:
                break
            if until is not None and time.monotonic() > until:
                fail(f"job {job.id} is {job.status} after {timeout:g} s", Exit.TOO_LATE)
            try:
                client.wait(job_id, WATCH_POLL_S)  # returns the moment it ends
            except StillRunning:
                continue
    _exit_for(job)


def retry(job_id: JobId, output: Output = Format.TABLE, api: Api = None) -> None:
    """Run a FAILED or CANCELLED job again. Exit codes: 0 done, 1 not in such a state, 3 no such job."""
    with talking_to(api) as client:
        job = client.retry(job_id)
    print_job(job, output)


def _unique(by: list[str] | None, window_s: float | None, on_conflict: OnConflict | None) -> dict[str, Any] | None:
    """The field ``unique`` of a submit; None if nothing of it was asked for."""
    asked = {"by": by or None, "window_s": window_s, "on_conflict": on_conflict}
    return {name: value for name, value in asked.items() if value is not None} or None


def print_job(job: JobSnapshot, output: Format) -> None:
    """One job, as ``output`` asks."""
    if output is Format.JSON:
        print_json(job_document(job))
    else:
        describe_job(job)


def _exit_for(job: JobSnapshot | None) -> None:
    if job is not None and job.status is not JobStatus.COMPLETED:
        raise typer.Exit(Exit.NOT_COMPLETED)


def _say_json(job: JobSnapshot) -> None:
    sys.stdout.write(orjson.dumps(job_document(job)).decode() + "\n")
    sys.stdout.flush()


def _say_line(job: JobSnapshot) -> None:
    progress = "" if job.progress is None else f"  {job.progress:.0%}"
    text = f"  {job.progress_text}" if job.progress_text else ""
    error = f"  {job.last_error}" if job.last_error and job.status is not JobStatus.COMPLETED else ""
    typer.echo(f"{datetime.now():%H:%M:%S}  {job.status:<9}  attempt {job.attempt}{progress}{text}{error}")
