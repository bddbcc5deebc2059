"""How the demo shows its jobs: as a table that moves, or as lines where nothing can move."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import IO, Protocol

from rich.console import Console
from rich.live import Live

from jobstream.cli.demo.acts import Act
from jobstream.cli.demo.board import Board, outcome, took, tries
from jobstream.cli.demo.place import Place


class Showing(Protocol):
    """Something that is told whenever the jobs may look different."""

    def refresh(self) -> None:
        """Look again."""
        ...


class Moving:
    """The table, drawn over itself."""

    def __init__(self, live: Live) -> None:
        self._live = live

    def refresh(self) -> None:
        """Draw the table as it is now."""
        self._live.refresh()


class Lines:
    """One line for each change of a job's state."""

    def __init__(self, acts: Sequence[Act], stream: IO[str]) -> None:
        self._acts = acts
        self._stream = stream
        self._told: dict[int, tuple[str, int]] = {}

    def refresh(self) -> None:
        """Tell what has changed."""
        for number, act in enumerate(self._acts):
            if act.sent_at is None:
                continue
            state = "refused" if act.trouble else "sent" if act.job is None else act.job.status.value
            now = (state, 1 if act.job is None else act.job.attempt)
            if now != self._told.get(number):
                self._told[number] = now
                self._stream.write(f"{datetime.now():%H:%M:%S}  {line(act, state)}\n")
                self._stream.flush()


def line(act: Act, state: str) -> str:
    """A job in one line."""
    name = f"{act.type} {act.about}"
    told = f"{name:<32} {act.door:<5}  {state:<9}  {tries(act):<4}  {took(act.seconds()):>6}  {outcome(act)}"
    return told.rstrip()


@contextmanager
def showing(title: str, acts: Sequence[Act], place: Place, console: Console, *, moving: bool) -> Iterator[Showing]:
    """Show the jobs while they are played.

    Args:
        moving: False: lines, even on a terminal.
    """
    if not moving or not console.is_terminal or console.is_dumb_terminal:
        console.file.write(f"{title}\n")
        yield Lines(acts, console.file)
        return
    board = Board(title, acts, place)
    with Live(board, console=console, auto_refresh=False, vertical_overflow="crop") as live:
        try:
            yield Moving(live)
        finally:
            board.whole = True
            live.vertical_overflow = "visible"
            live.refresh()
