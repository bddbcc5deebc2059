"""``jobstream cancel`` and ``reschedule``: what changes jobs before they end."""

from typing import Annotated, Any

import typer

from jobstream.cli.address import Api
from jobstream.cli.jobs import JobId, Output, print_job
from jobstream.cli.output import Exit, Format, fail, print_json, tell
from jobstream.cli.show import job_document, job_table
from jobstream.cli.talk import talking_to
from jobstream.client import ApiError, CancelTally, JobNotFound, JobSnapshot, SyncClient
from jobstream.contracts.status import JobStatus


def cancel(
    job_ids: Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="Ids of jobs.")] = None,
    status: Annotated[
        list[JobStatus] | None, typer.Option(help="Jobs in this state; may be given again.", case_sensitive=False)
    ] = None,
    job_type: Annotated[str | None, typer.Option("--type", help="Jobs of this type.")] = None,
    queue: Annotated[str | None, typer.Option(help="Jobs of this queue.")] = None,
    key: Annotated[str | None, typer.Option(help="Jobs with this ordering key.")] = None,
    tag: Annotated[str | None, typer.Option(help="Jobs with this tag.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="At most so many by filters; 10000 if not given.")] = None,
    reason: Annotated[str | None, typer.Option(help="Why; shown with the job.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count what the filters mean.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    output: Output = Format.TABLE,
    api: Api = None,
) -> None:
    """Cancel jobs by their ids, or all under way that match filters. Exit codes: 0 done, 1 one of them had ended
    otherwise, or you said no, 3 no such job."""
    filters = {"status": status, "type": job_type, "queue": queue, "key": key, "tag": tag}
    given = {name: value for name, value in filters.items() if value}
    if bool(job_ids) == bool(given):
        fail("give ids of jobs, or filters such as --type and --tag, and not both", Exit.USAGE)
    with talking_to(api) as client:
        if job_ids:
            if dry_run:
                fail("--dry-run is for filters", Exit.USAGE)
            _cancel_each(client, job_ids, reason, output)
        else:
            _cancel_where(client, given | {"limit": limit}, reason, output, dry_run=dry_run, yes=yes)


def reschedule(
    job_id: JobId,
    at: Annotated[str | None, typer.Option(help="Not before this time, RFC 3339: 2026-12-24T18:00:00Z.")] = None,
    seconds: Annotated[float | None, typer.Option("--in", help="Not before so many seconds from now.")] = None,
    now: Annotated[bool, typer.Option("--now", help="At once.")] = False,
    priority: Annotated[int | None, typer.Option(min=0, max=9, help="Larger goes first.")] = None,
    output: Output = Format.TABLE,
    api: Api = None,
) -> None:
    """Move a job that waits for its time. Exit codes: 0 done, 1 it waits no more, 3 no such job."""
    if (at is not None) + (seconds is not None) + now > 1:
        fail("give one of --at, --in and --now", Exit.USAGE)
    delay_s = 0.0 if now else seconds
    if at is None and delay_s is None and priority is None:
        fail("give --at, --in or --now, or --priority", Exit.USAGE)
    with talking_to(api) as client:
        job = client.reschedule(job_id, run_at=at, delay_s=delay_s, priority=priority)
    print_job(job, output)


def _cancel_each(client: SyncClient, job_ids: list[str], reason: str | None, output: Format) -> None:
    """Every one that can be; what is wrong with another keeps none from it."""
    jobs: list[JobSnapshot] = []
    code = Exit.DONE
    for job_id in job_ids:
        try:
            jobs.append(client.cancel(job_id, reason=reason))
        except ApiError as error:
            tell(f"jobstream: {error}")
            code = max(code, Exit.NOT_FOUND if isinstance(error, JobNotFound) else Exit.FAILED)
    if len(job_ids) == 1 and jobs:
        print_job(jobs[0], output)
    elif output is Format.JSON:
        print_json({"items": [job_document(job) for job in jobs]})
    elif jobs:
        job_table(jobs)
    if code is not Exit.DONE:
        raise typer.Exit(code)


def _cancel_where(
    client: SyncClient, filters: dict[str, Any], reason: str | None, output: Format, *, dry_run: bool, yes: bool
) -> None:
    if dry_run or not yes:
        tally = client.cancel_where(reason=reason, dry_run=True, **filters)
        if dry_run or tally.matched == 0:
            _print_tally(tally, output)
            return
        typer.confirm(f"cancel {_count(tally)}?", abort=True, err=True)
    _print_tally(client.cancel_where(reason=reason, **filters), output)


def _print_tally(tally: CancelTally, output: Format) -> None:
    if output is Format.JSON:
        print_json(tally.model_dump(mode="json"))
        return
    typer.echo(f"{_count(tally)} under way, {tally.cancelled:,} cancelled")
    if tally.more:
        tell("there are more than --limit lets through; run it again")


def _count(tally: CancelTally) -> str:
    return f"{'over ' if tally.more else ''}{tally.matched:,} {'job' if tally.matched == 1 else 'jobs'}"
