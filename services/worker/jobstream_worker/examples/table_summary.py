"""What is in a Parquet file, as small as a job's result has to be."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jobstream import Fail
from jobstream.contracts.limits import MAX_SAFE_INTEGER
from jobstream.handlers.text import clean_text
from jobstream_worker.examples.tables import Tables, name, text

MAX_GROUPS = 100
"""The summary tells of so many groups, those with the most rows."""

MAX_TEXT = 200
_NUMBERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "FLOAT", "DOUBLE", "DECIMAL")


def summarise(db: Tables, path: Path, group_by: str | None, totals: Sequence[str]) -> dict[str, Any]:
    """Rows, columns with their empty values and what their numbers come to, and totals by group.

    Sums are compensated (Kahan) and rounded to 6 places, so that the same rows give the same summary
    however many threads add them up.

    Raises:
        Fail: one of ``totals`` holds no numbers.
    """
    table = f"read_parquet({text(str(path))})"
    types = {row[0]: row[1] for row in db.rows(f"DESCRIBE SELECT * FROM {table}")}  # noqa: S608  (names are quoted)
    for column in totals:
        if not types[column].startswith(_NUMBERS):
            raise Fail(f"the column {column} cannot be totalled: it holds {types[column]}, not numbers")
    summary = _columns(db, table, types)
    return summary if group_by is None else summary | _groups(db, table, group_by, totals)


def _columns(db: Tables, table: str, types: dict[str, str]) -> dict[str, Any]:
    asked = ["count(*)"]
    for column, kind in types.items():
        asked.append(f"count({name(column)})")
        if kind.startswith(_NUMBERS):
            number = f"{name(column)}::DOUBLE"
            asked += [f"min({number})", f"max({number})", f"avg({number})", f"fsum({number})"]
    (values,) = db.rows(f"SELECT {', '.join(asked)} FROM {table}")  # noqa: S608
    answers = iter(values)
    rows = next(answers)
    columns = []
    for column, kind in types.items():
        told = {"name": clean_text(column, MAX_TEXT), "type": kind, "nulls": rows - next(answers)}
        if kind.startswith(_NUMBERS):
            told |= {what: _number(next(answers)) for what in ("min", "max", "mean", "sum")}
        columns.append(told)
    return {"rows": rows, "columns": columns}


def _groups(db: Tables, table: str, group_by: str, totals: Sequence[str]) -> dict[str, Any]:
    key = f"{name(group_by)}::VARCHAR"
    sums = "".join(f", fsum({name(column)}::DOUBLE)" for column in totals)
    found = db.rows(f"SELECT count(*) FROM (SELECT DISTINCT {key} FROM {table})")[0][0]  # noqa: S608
    groups = db.rows(
        f"SELECT {key}, count(*){sums} FROM {table} GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {MAX_GROUPS}"  # noqa: S608
    )
    return {
        "groups_found": found,
        "groups": [
            {
                "group": None if value is None else clean_text(value, MAX_TEXT),
                "rows": rows,
                "totals": dict(zip(totals, map(_number, added), strict=True)),
            }
            for value, rows, *added in groups
        ],
    }


def _number(value: float | None) -> float | int | None:
    """As JSON says it: whole ones without a fraction, and None for what it cannot say (NaN, infinity)."""
    if value is None or not math.isfinite(value):
        return None
    return int(value) if value.is_integer() and abs(value) <= MAX_SAFE_INTEGER else round(value, 6)
