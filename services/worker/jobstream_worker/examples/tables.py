"""DuckDB for one run of a handler: two files and no more, with progress, and stopped when the run is."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from jobstream import Cancel, JobContext

LOOK_EVERY_S = 0.1
THREADS = 2
MEMORY = "1GB"


class Tables:
    """A database in memory that may touch the given files only, whatever it is asked.

    Args:
        files: absolute paths that it may read and write.
    """

    def __init__(self, files: Sequence[Path], ctx: JobContext) -> None:
        import duckdb

        self._ctx = ctx
        self._interrupted: type[Exception] = duckdb.InterruptException
        self._connection = duckdb.connect(
            ":memory:", config={"threads": THREADS, "memory_limit": MEMORY, "temp_directory": ""}
        )
        allowed = ", ".join(text(str(path)) for path in files)
        for setting in (
            "TimeZone = 'UTC'",
            "enable_progress_bar = true",
            "enable_progress_bar_print = false",
            f"allowed_paths = [{allowed}]",
            "enable_external_access = false",
            "lock_configuration = true",
        ):
            self._connection.execute(f"SET {setting}")

    def close(self) -> None:
        """Let go of memory and files."""
        self._connection.close()

    def rows(self, sql: str, told: Callable[[float], None] | None = None) -> list[tuple[Any, ...]]:
        """Run a statement and return its rows.

        Args:
            told: called now and then with the fraction that is done, from another thread.

        Raises:
            Cancel: the run was told to stop.
            duckdb.Error: the statement failed.
        """
        if self._ctx.cancelled:
            raise Cancel("stopped before DuckDB ran")
        over = threading.Event()
        watcher = threading.Thread(target=self._watch, args=(over, told), name="duckdb-watch", daemon=True)
        watcher.start()
        try:
            return self._connection.execute(sql).fetchall()
        except self._interrupted:
            raise Cancel("stopped while DuckDB ran") from None
        finally:
            over.set()
            watcher.join()

    def _watch(self, over: threading.Event, told: Callable[[float], None] | None) -> None:
        while not over.wait(LOOK_EVERY_S):
            if self._ctx.cancelled:
                self._connection.interrupt()
            elif told is not None:
                told(min(max(self._connection.query_progress() / 100, 0.0), 1.0))


@contextmanager
def tables(files: Sequence[Path], ctx: JobContext) -> Iterator[Tables]:
    """``Tables`` for the length of a block."""
    opened = Tables(files, ctx)
    try:
        yield opened
    finally:
        opened.close()


def text(value: str) -> str:
    """``value`` as a literal of SQL."""
    return "'" + value.replace("'", "''") + "'"


def name(value: str) -> str:
    """``value`` as a name in SQL."""
    return '"' + value.replace('"', '""') + '"'
