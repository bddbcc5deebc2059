"""One terminal for many processes: each line with the name of who said it."""

import os
import sys
from threading import Lock
from typing import TextIO

_COLOURS = (36, 33, 35, 32, 34, 96, 93, 95)
_WIDTH = 10


class Printer:
    """Prints lines with a coloured name before them. May be called from any thread.

    Args:
        stream: where to; colours only if it is a terminal and NO_COLOR is not set.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._colours = self._stream.isatty() and not os.environ.get("NO_COLOR")
        self._names: dict[str, int] = {}
        self._lock = Lock()

    def line(self, name: str, text: str) -> None:
        """Print one line."""
        label = f"{name:<{_WIDTH}} |"
        with self._lock:
            if self._colours:
                colour = self._names.setdefault(name, _COLOURS[len(self._names) % len(_COLOURS)])
                label = f"\x1b[{colour}m{label}\x1b[0m"
            try:
                self._stream.write(f"{label} {text}\n")
                self._stream.flush()
            except (OSError, ValueError):
                pass  # the terminal is gone; stopping in order matters more than telling of it
