"""``data.pipeline``: a CSV becomes a Parquet file and a summary."""

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, Field

from jobstream import Fail, JobContext
from jobstream.handlers.text import clean_text
from jobstream_worker.examples.csv_source import CsvSource
from jobstream_worker.examples.files import FileName, replacing, source_file, target_file
from jobstream_worker.examples.optional import optional_handler
from jobstream_worker.examples.table_summary import summarise
from jobstream_worker.examples.tables import Tables, tables, text

MAX_COLUMNS = 200
_READ_SHARE = 0.9
"""Of the progress; measured: reading takes nearly all of the time."""


class DataPipeline(BaseModel):
    """What ``data.pipeline`` takes."""

    source: FileName
    target: FileName
    delimiter: Literal[",", ";", "\t", "|"] = ","
    group_by: str | None = Field(None, description="Total the rows for each value of this column.")
    totals: list[str] = Field([], max_length=20, description="Columns of numbers to add up in each group.")
    text_columns: list[str] = Field(
        [], max_length=MAX_COLUMNS, description="Columns to take as text, whatever they look like."
    )


# In a process: a thread is no slower (a million rows take 0.4 s in both, once the child runs), but its worker
# grows by 50 to 100 MB, and goes down with it when memory runs out. The slots bound how many run at once.
@optional_handler("data.pipeline", needs=["duckdb"], run_in="process", timeout_s=900)
def data_pipeline(payload: DataPipeline, ctx: JobContext) -> dict[str, Any]:
    """Turn a CSV into a Parquet file, and sum it up: rows, columns, empty values, numbers, groups."""
    source = source_file(payload.source)
    target = target_file(payload.target, (".parquet",), source=source)
    with replacing(target, ctx.run_id) as part, tables([source, part], ctx) as db:
        _convert(db, payload, source, part, ctx)
        ctx.progress(_READ_SHARE, "summing up")
        summary = summarise(db, part, payload.group_by, payload.totals)
        size = part.stat().st_size
    ctx.progress(1.0, f"{summary['rows']:,} rows")
    return {"target": payload.target, "bytes": size, **summary}


def _convert(db: Tables, payload: DataPipeline, source: Path, part: Path, ctx: JobContext) -> None:
    import duckdb

    if any(mark in f"{source}{part}" for mark in "*?["):
        raise Fail(
            f"the way to {payload.source} or {payload.target} has a *, ? or [ in it, a pattern for DuckDB; rename it"
        )
    table = CsvSource(source, payload.source, payload.delimiter)
    try:
        columns = [row[0] for row in db.rows(f"DESCRIBE SELECT * FROM {table.read()}")]  # noqa: S608
        _check(payload, columns)
        db.rows(
            f"COPY (SELECT * FROM {table.read(payload.text_columns)}) "  # noqa: S608
            f"TO {text(str(part))} (FORMAT parquet, COMPRESSION zstd)",
            lambda done: ctx.progress(_READ_SHARE * done, f"{done:.0%} read"),
        )
    except (duckdb.InvalidInputException, duckdb.ConversionException) as error:  # the others are trouble of the machine
        raise table.failure(db, str(error)) from None


def _check(payload: DataPipeline, columns: list[str]) -> None:
    if len(columns) > MAX_COLUMNS:
        raise Fail(f"{payload.source} has {len(columns)} columns; at most {MAX_COLUMNS} are taken")
    for wanted in (payload.group_by, *payload.totals, *payload.text_columns):
        if wanted is not None and wanted not in columns:
            has = clean_text(", ".join(columns), 500)
            raise Fail(f"{payload.source} has no column {wanted}; it has {has}")
