"""A CSV file as DuckDB reads it: strictly, and with a word on what is wrong that names the line."""

import csv
import io
import itertools
import re
from collections.abc import Sequence
from pathlib import Path

from jobstream import Fail
from jobstream.handlers.text import clean_text
from jobstream_worker.examples.tables import Tables, text

_HEADER_BYTES = 1024 * 1024
_COUNTED_RECORDS = 10_000_000
"""Counting lines takes about a second for each two million."""

_LINE = re.compile(r"CSV Error on Line: (\d+)")
_COLUMNS = re.compile(r"^Expected Number of Columns: (\d+) Found: (\d+)", re.MULTILINE)
_VALUE = re.compile(
    r"^Error when converting column \"(.*)\"\. Could not convert string \"(.*)\" to '(.*)'", re.MULTILINE
)
_QUOTE = "Value with unterminated quote found"
_UNICODE = "Invalid unicode"


class CsvSource:
    """A CSV with the names of its columns in the first line, RFC 4180, UTF-8.

    A line with too few or too many values is an error, never filled up or left out.

    Args:
        label: what messages call it.
    """

    def __init__(self, path: Path, label: str, delimiter: str) -> None:
        self._path = path
        self._label = label
        self._delimiter = delimiter
        self._options = (
            f"delim={text(delimiter)}, header=true, quote='\"', escape='\"', comment='', skip=0, "
            "strict_mode=true, null_padding=false, ignore_errors=false"
        )
        self._header = self._read_header(delimiter)

    def read(self, text_columns: Sequence[str] = ()) -> str:
        """What stands after FROM to read it, the types found by looking at the first 20,000 rows.

        Args:
            text_columns: these are text, whatever they look like.
        """
        types = ", ".join(f"{text(column)}: 'VARCHAR'" for column in text_columns)
        return f"read_csv({text(str(self._path))}, {self._options}{f', types={{{types}}}' if types else ''})"

    def failure(self, db: Tables, message: str) -> Fail:
        """What is wrong with it, after DuckDB refused it with ``message``. Shows at most one value of it."""
        found = _LINE.search(message)
        if found is None:
            message = self._second_opinion(db) or message
            found = _LINE.search(message)
        if found is None:
            return Fail(f"{self._label} is no table: {clean_text(message.partition(chr(10))[0], 300)}")
        return Fail(f"{self._label}, {self._place(int(found[1]))}: {_reason(message)}")

    def _read_header(self, delimiter: str) -> list[str]:
        with self._path.open(encoding="utf-8", errors="replace", newline="") as file:
            start = file.read(_HEADER_BYTES)
        try:
            lines = csv.reader(io.StringIO(start, newline=""), delimiter=delimiter)
            header = next((line for line in lines if line), [])
        except csv.Error as error:
            raise Fail(f"{self._label}, line 1: {error}") from None
        if not header:
            raise Fail(f"{self._label} is empty: its first line must name the columns")
        return header

    def _place(self, record: int) -> str:
        """Where a record begins. DuckDB counts records, an editor lines, and a quoted value may span some."""
        if record > _COUNTED_RECORDS:
            return f"record {record}"
        with self._path.open(encoding="utf-8", errors="replace", newline="") as file:
            records = csv.reader(file, delimiter=self._delimiter)
            try:
                for _ in itertools.islice(records, record - 1):
                    pass
            except csv.Error:
                return f"record {record}"
            return f"line {records.line_num + 1}"

    def _second_opinion(self, db: Tables) -> str | None:
        """A message with a line in it: where DuckDB fails while it guesses types, it tells none."""
        import duckdb

        columns = ", ".join(f"'{number}': 'VARCHAR'" for number in range(len(self._header)))
        read = f"read_csv({text(str(self._path))}, auto_detect=false, columns={{{columns}}}, {self._options})"
        try:
            db.rows(f"SELECT count(*) FROM {read}")  # noqa: S608  (literals are quoted)
        except duckdb.Error as error:
            return str(error)
        return None


def _reason(message: str) -> str:
    if columns := _COLUMNS.search(message):
        return f"it is torn (columns expected: {columns[1]}, found: {columns[2]})"
    if _QUOTE in message:
        return "it is torn: a quote is opened and not closed"
    if value := _VALUE.search(message):
        return (
            f"in the column {clean_text(value[1], 100)} stands {clean_text(value[2], 60)!r}, which is no {value[3]} "
            "like the values before; name the column in text_columns to take it as text"
        )
    if _UNICODE in message:
        return "it is not UTF-8"
    return "it cannot be read"
