"""The jobs of the demo as a table that moves."""

from collections.abc import Sequence

from rich.console import Console, ConsoleOptions, Group, OverflowMethod, RenderResult
from rich.table import Table
from rich.text import Text

from jobstream.cli.demo.acts import Act
from jobstream.cli.demo.place import Place
from jobstream.cli.show import COLOURS
from jobstream.contracts.status import JobStatus

WIDE = 130
"""From so many columns on there is room for ids and longer bars."""
BESIDES = 5
"""Lines of a screen that are not for jobs: title, head, gap, legend, cursor."""


class Board:
    """Draws itself anew at each look, to the size that the terminal has then."""

    def __init__(self, title: str, acts: Sequence[Act], place: Place) -> None:
        self._title = title
        self._acts = acts
        self._place = place
        self.whole = False
        """True: all jobs, whatever the terminal's height."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        wide = options.max_width >= WIDE
        plain = options.ascii_only
        acts = list(self._acts) if self.whole else shown(self._acts, max(console.height - BESIDES, 3))
        cut: OverflowMethod = "crop" if plain else "ellipsis"
        table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="dim", expand=True)
        table.add_column("", width=1)
        table.add_column("job", no_wrap=True, width=15)
        table.add_column("", no_wrap=True, width=11, overflow=cut)
        table.add_column("door", no_wrap=True, width=5)
        table.add_column("try", no_wrap=True, width=3)
        table.add_column("state", no_wrap=True, width=9)
        table.add_column("time", no_wrap=True, width=5, justify="right")
        table.add_column("progress, result", no_wrap=True, ratio=1, overflow=cut)
        if wide:
            table.add_column("id", no_wrap=True, width=36, style="dim")
        for act in acts:
            row: list[str | Text] = [
                self._mark(act, plain),
                act.type,
                Text(act.about, style="dim"),
                act.door.value if act.sent_at is not None else "",
                tries(act),
                state(act),
                took(act.seconds()),
                progress(act, wide, plain),
            ]
            table.add_row(*row, *([str(act.job_id or "")] if wide else []))
        yield Group(Text(self._title, style="bold"), table, Text(), self._legend(len(acts), plain))

    def _mark(self, act: Act, plain: bool) -> Text:
        if not act.over:
            return Text("")
        if act.surprise(self._place) is None:
            return Text("+" if plain else "✓", style="green")
        return Text("x" if plain else "✗", style="bold red")

    def _legend(self, seen: int, plain: bool) -> Text:
        over = sum(act.over for act in self._acts)
        left_out = f"   {len(self._acts) - seen} more do not fit here" if seen < len(self._acts) else ""
        mark = "+" if plain else "✓"
        return Text(f"{over} of {len(self._acts)} ended   {mark} as foretold{left_out}", style="dim")


def shown(acts: Sequence[Act], room: int) -> list[Act]:
    """As many as there is room for, in their order: what still moves, then what ended last."""
    if len(acts) <= room:
        return list(acts)
    by_interest = sorted(acts, key=lambda act: (act.over, act.sent_at is None, -(act.sent_at or 0.0)))
    chosen = by_interest[:room]
    return [act for act in acts if any(act is one for one in chosen)]


def tries(act: Act) -> str:
    """The attempt, of how many there may be."""
    return "" if act.job is None else f"{act.job.attempt}/{act.job.max_retries + 1}"


def state(act: Act) -> Text:
    """The state in its colour."""
    if act.trouble is not None:
        return Text("refused", style="red")
    if act.job is None:
        return Text("" if act.sent_at is None else "sent", style="dim")
    return Text(act.job.status.value, style=COLOURS[act.job.status])


def took(seconds: float | None) -> str:
    """A time in at most five characters."""
    if seconds is None:
        return ""
    if seconds < 9.995:
        return f"{seconds:.2f}s"
    if seconds < 9_999.5:
        return f"{seconds:.1f}s" if seconds < 99.95 else f"{seconds:.0f}s"
    hours = seconds / 3600
    return f"{hours:.1f}h" if hours < 99.95 else f"{hours:.0f}h"


def outcome(act: Act, *, short: bool = False) -> str:
    """What a job came to, or how it stands.

    Args:
        short: of an error that was foretold, only the words that were.
    """
    job = act.job
    if act.trouble is not None or job is None:
        return act.trouble or ""
    if job.status is JobStatus.COMPLETED:
        try:
            return act.foretold.tells(job.result)
        except (KeyError, TypeError):
            return str(job.result)
    if job.status is JobStatus.RUNNING or not job.errors:
        return job.progress_text or ""
    error = str(job.errors[-1]["message"])
    says = act.foretold.says
    return says if short and says and says in error else error


def progress(act: Act, wide: bool, plain: bool) -> Text:
    """A bar while a job runs and tells how far it is; words else."""
    job = act.job
    if job is None or job.status is not JobStatus.RUNNING or job.progress is None:
        completed = job is not None and job.status is JobStatus.COMPLETED
        return Text(outcome(act, short=not wide), style="" if completed else "dim")
    width = 24 if wide else 10
    done = round(width * job.progress)
    full, empty = ("#", "-") if plain else ("━", "─")
    bar = Text.assemble((full * done, "cyan"), (empty * (width - done), "bright_black"))
    return bar.append(f" {job.progress:4.0%}").append(f"  {job.progress_text or ''}", style="dim")
