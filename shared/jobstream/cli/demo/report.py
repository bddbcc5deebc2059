"""The summary for people's eyes."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from jobstream.cli.demo.acts import Door
from jobstream.cli.demo.rates import Rate
from jobstream.cli.demo.summary import Summary
from jobstream.contracts.status import JobStatus

MOST_SURPRISES = 20


def report(summary: Summary, console: Console) -> None:
    """Print the summary, the verdict, and what to try next."""
    for part in (types_table(summary), rates_table(summary.rates)):
        console.print()
        console.print(part)
    console.print()
    for name, why in summary.left_out.items():
        console.print(Text(f"left out: {name}, since {why}", style="yellow"))
    _verdict(summary, console)
    console.print()
    console.print("Try next:")
    for why, command in next_steps(summary):
        console.print(Text(f"  # {why}", style="dim"))
        console.print(Text(f"  {command}"), soft_wrap=True)


def types_table(summary: Summary) -> Table:
    """How many jobs of each type came and what became of them."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("type", no_wrap=True)
    for name in ("jobs", "http", "kafka", "completed", "failed", "retries", "as foretold"):
        table.add_column(name, justify="right", no_wrap=True)
    for name, counts in summary.types().items():
        numbers = (
            counts.jobs,
            counts.doors[Door.HTTP],
            counts.doors[Door.KAFKA],
            counts.ended[JobStatus.COMPLETED],
            counts.ended[JobStatus.FAILED],
            counts.ended[JobStatus.RETRYING],
        )
        verdict = Text("no", style="bold red") if counts.surprises else Text("yes", style="green")
        table.add_row(name, *(f"{number:,}" if number else Text("-", style="dim") for number in numbers), verdict)
    return table


def rates_table(rates: Sequence[Rate]) -> Table:
    """How fast each series went."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("jobs of type example", no_wrap=True)
    for name in ("jobs", "taken/s", "done/s", "p50 latency", "p99 latency"):
        table.add_column(name, justify="right", no_wrap=True)
    for rate in rates:
        table.add_row(
            rate.name,
            f"{rate.jobs:,}",
            f"{rate.jobs / rate.taken_s:,.0f}" if rate.taken_s else "",
            f"{rate.per_s:,.0f}" if rate.per_s else "",
            _latency(rate.latency(0.5)),
            _latency(rate.latency(0.99)),
        )
    return table


def next_steps(summary: Summary) -> list[tuple[str, str]]:
    """What to try next, as (why, command), with ids of this demo."""
    acts = [act for act in summary.acts if act.job is not None]
    retried = next((act.job_id for act in acts if act.job and act.job.retries and act.job.result is not None), None)
    failed = next((act.job_id for act in acts if act.job and act.job.status is JobStatus.FAILED), None)
    steps = []
    if summary.place.started:
        steps.append(("the demo's own cluster stops now and keeps its data; run it again", "jobstream up"))
    if retried is not None:
        steps.append(("a job that was retried, with the error of each attempt", f"jobstream get {retried} -o json"))
    if failed is not None:
        steps.append(("run a job again that failed", f"jobstream retry {failed}"))
    steps.append(("a handler of your own, with its test", "jobstream new handler greet"))
    return steps


def _verdict(summary: Summary, console: Console) -> None:
    surprises = summary.surprises()
    if not surprises:
        jobs = sum(counts.jobs for counts in summary.types().values())
        console.print(Text(f"All {jobs:,} jobs ended as foretold, in {summary.took_s:.1f} s.", style="bold green"))
        return
    console.print(Text("Not as foretold:", style="bold red"))
    for line in surprises[:MOST_SURPRISES]:
        console.print(Text(f"  {line}"), soft_wrap=True)
    if len(surprises) > MOST_SURPRISES:
        console.print(f"  and {len(surprises) - MOST_SURPRISES} more")


def _latency(seconds: float | None) -> str:
    if seconds is None:
        return ""
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.2f} s"
