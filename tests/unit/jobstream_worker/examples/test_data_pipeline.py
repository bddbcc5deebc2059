"""data.pipeline on real tables, whole and torn."""

import csv
import time
from collections import Counter
from datetime import UTC, datetime

import duckdb
import pytest

from jobstream import Cancel, JobContext
from jobstream.contracts.jobs import Job
from jobstream.handlers.outcomes import Cancelled, Completed, Failed
from jobstream.ids import new_id
from jobstream.testing import run_handler
from jobstream_worker.examples.data_pipeline import data_pipeline
from jobstream_worker.examples.samples import CSV_COLUMNS, make_csv
from jobstream_worker.examples.tables import tables

HEADER = "id,country,price\n"


async def pipeline(source="in.csv", **payload):
    return await run_handler(data_pipeline, {"source": source, "target": "out.parquet", **payload})


async def refusal(source="in.csv", **payload):
    ran = await pipeline(source, **payload)
    assert isinstance(ran.outcome, Failed), ran.outcome
    assert not ran.outcome.retryable, ran.outcome
    return ran.outcome.error.message


def parquet(path, sql="SELECT * FROM t"):
    with duckdb.connect() as db:
        t = db.read_parquet(str(path))
        assert t is not None
        return db.sql(sql).fetchall()


async def test_the_parquet_holds_the_table_and_the_summary_is_right(files):
    make_csv(files / "orders.csv", 5_000)
    with (files / "orders.csv").open(newline="") as file:
        expected = list(csv.DictReader(file))
    ran = await pipeline("orders.csv", group_by="country", totals=["price", "quantity"])
    summary = ran.result
    rows = parquet(files / "out.parquet")
    assert [row[0] for row in rows] == list(range(1, 5_001))
    assert [row[3] for row in rows] == [row["product"] for row in expected]  # quoted commas and quotes survive
    assert 'map, "large"' in {row[3] for row in rows}
    assert summary["rows"] == 5_000
    assert [column["name"] for column in summary["columns"]] == list(CSV_COLUMNS)
    by_name = {column["name"]: column for column in summary["columns"]}
    types = ["BIGINT", "DATE", "VARCHAR", "VARCHAR", "BIGINT", "DOUBLE", "BIGINT"]
    assert [by_name[name]["type"] for name in CSV_COLUMNS] == types
    prices = [float(row["price"]) for row in expected]
    assert by_name["price"]["sum"] == pytest.approx(sum(prices), abs=1e-6)
    assert (by_name["price"]["min"], by_name["price"]["max"]) == (min(prices), max(prices))
    assert by_name["price"]["mean"] == pytest.approx(sum(prices) / 5_000, abs=1e-6)
    empty = sum(row["discount"] == "" for row in expected)
    assert empty > 300
    assert [by_name[name]["nulls"] for name in CSV_COLUMNS] == [0, 0, 0, 0, 0, 0, empty]
    counts = Counter(row["country"] for row in expected)
    assert summary["groups_found"] == len(counts) == 8
    assert {group["group"]: group["rows"] for group in summary["groups"]} == counts
    for group in summary["groups"]:
        of_group = [row for row in expected if row["country"] == group["group"]]
        assert group["totals"]["quantity"] == sum(int(row["quantity"]) for row in of_group)
        assert group["totals"]["price"] == pytest.approx(sum(float(row["price"]) for row in of_group), abs=1e-6)
    assert summary["bytes"] == (files / "out.parquet").stat().st_size
    fractions = [fraction for fraction, _ in ran.progress]
    assert fractions == sorted(fractions)
    assert ran.progress[-1] == (1.0, "5,000 rows")


async def test_a_million_rows_take_seconds_and_tell_how_far_they_are(files):
    make_csv(files / "orders.csv", 1_000_000)
    began = time.monotonic()
    ran = await pipeline("orders.csv", group_by="product", totals=["price"])
    assert time.monotonic() - began < 20
    assert ran.result["rows"] == sum(group["rows"] for group in ran.result["groups"]) == 1_000_000
    assert ran.result["columns"][0]["sum"] == 500_000_500_000
    assert any(0 < fraction < 0.9 for fraction, _ in ran.progress)


async def test_running_it_again_gives_the_same(files):
    make_csv(files / "orders.csv", 300_000)
    first = await pipeline("orders.csv", group_by="country", totals=["price"])
    content = parquet(files / "out.parquet", "SELECT count(*), sum(hash(t)) FROM t")
    again = await pipeline("orders.csv", group_by="country", totals=["price"])
    assert again.result == first.result
    assert parquet(files / "out.parquet", "SELECT count(*), sum(hash(t)) FROM t") == content
    assert sorted(path.name for path in files.iterdir()) == ["orders.csv", "out.parquet"]


@pytest.mark.parametrize(("rows", "line"), [(5, 2), (5, 4), (5, 6), (90_000, 60_001), (90_000, 90_001)])
async def test_a_torn_line_is_named_and_the_old_target_stays(rows, line, files):
    make_csv(files / "torn.csv", rows, torn_line=line)
    (files / "out.parquet").write_bytes(b"an earlier one")
    assert await refusal("torn.csv") == f"torn.csv, line {line}: it is torn (columns expected: 7, found: 3)"
    assert (files / "out.parquet").read_bytes() == b"an earlier one"
    assert sorted(path.name for path in files.iterdir()) == ["out.parquet", "torn.csv"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (HEADER + "1,DE,1\n2,FR,2,2\n", "line 3: it is torn (columns expected: 3, found: 4)"),
        (HEADER + "1,DE,1\n2,FR,2\n3,I", "line 4: it is torn (columns expected: 3, found: 2)"),
        (HEADER + '1,DE,1\n2,"FR,2\n3,IT,3\n', "line 3: it is torn: a quote is opened and not closed"),
        (HEADER + '1,"D\nE",1\n2,FR\n', "line 4: it is torn (columns expected: 3, found: 2)"),
        (HEADER + "1,D\udcffE,1\n", "line 2: it is not UTF-8"),
        ((HEADER + "1,DE,1\n2,FR\n").replace("\n", "\r\n"), "line 3: it is torn (columns expected: 3, found: 2)"),
        ("just some words\nand more, of them\n", "line 2: it is torn (columns expected: 1, found: 2)"),
    ],
)
async def test_small_broken_tables_are_refused_with_the_line(content, message, files):
    (files / "in.csv").write_bytes(content.encode("utf-8", "surrogateescape"))
    assert await refusal() == f"in.csv, {message}"


async def test_the_line_is_the_one_an_editor_shows_however_many_values_span_lines(files):
    records = [f'{number},"two\nlines",1\n' for number in range(30_000)]
    records[25_000] = "25000,two\n"
    (files / "in.csv").write_text(HEADER + "".join(records))
    torn = (HEADER + "".join(records)).splitlines().index("25000,two") + 1
    assert torn == 50_002
    assert await refusal() == f"in.csv, line {torn}: it is torn (columns expected: 3, found: 2)"


@pytest.mark.parametrize("content", [b"", b"\n", bytes(range(256)) * 50])
async def test_what_is_no_table_is_refused(content, files):
    (files / "in.csv").write_bytes(content)
    assert (await refusal()).startswith("in.csv")


async def test_mixed_line_endings_are_refused_rather_than_guessed(files):
    (files / "in.csv").write_bytes(b"id,country\n1,DE\r\n2,FR\n")
    assert (await refusal()).startswith("in.csv is no table: ")


async def test_a_word_among_the_numbers_is_named_and_can_be_taken_as_text(files):
    lines = [f"{number},{number}\n" for number in range(50_000)]
    lines[40_000] = "40000,n/a\n"
    (files / "in.csv").write_text("id,amount\n" + "".join(lines))
    assert await refusal() == (
        "in.csv, line 40002: in the column amount stands 'n/a', which is no BIGINT like the values before; "
        "name the column in text_columns to take it as text"
    )
    ran = await pipeline(text_columns=["amount"])
    assert ran.result["columns"][1] == {"name": "amount", "type": "VARCHAR", "nulls": 0}


async def test_columns_that_are_not_there_or_hold_no_numbers_are_named(files):
    (files / "in.csv").write_text(HEADER + "1,DE,2.5\n")
    for wrong in ({"group_by": "contry"}, {"group_by": "id", "totals": ["contry"]}, {"text_columns": ["contry"]}):
        assert await refusal(**wrong) == "in.csv has no column contry; it has id, country, price"
    message = await refusal(group_by="id", totals=["country"])
    assert message == "the column country cannot be totalled: it holds VARCHAR, not numbers"
    assert not (files / "out.parquet").exists()
    (files / "wide.csv").write_text(",".join(f"c{n}" for n in range(201)) + "\n" + ",".join(["1"] * 201) + "\n")
    assert await refusal("wide.csv") == "wide.csv has 201 columns; at most 200 are taken"


async def test_odd_values_come_out_as_json_can_say_them(files):
    (files / "in.csv").write_text(
        'a,b,"c ""d"", e",f\nnan,9007199254740993,007,2026-01-02T03:04:05Z\ninf,1,,\n'
        "1.5,2,x,2026-01-03T00:00:00+01:00\n"
    )
    ran = await pipeline(group_by="f")
    a, b, c, f = ran.result["columns"]
    assert a["sum"] is None
    assert (b["min"], b["max"]) == (1, 9007199254740992.0)
    assert (c["name"], c["type"], c["nulls"]) == ('c "d", e', "VARCHAR", 1)
    assert f["type"] == "TIMESTAMP WITH TIME ZONE"
    groups = [group["group"] for group in ran.result["groups"]]
    assert groups == ["2026-01-02 03:04:05+00", "2026-01-02 23:00:00+00", None]


async def test_other_delimiters_and_a_header_alone_work(files):
    (files / "in.csv").write_text("id;country\n1;DE, west\n")
    assert [c["name"] for c in (await pipeline(delimiter=";")).result["columns"]] == ["id", "country"]
    (files / "in.csv").write_text("id,country\n")
    summary = (await pipeline(group_by="id")).result
    assert (summary["rows"], summary["groups"], summary["groups_found"]) == (0, [], 0)


async def test_many_groups_are_cut_to_the_largest(files):
    lines = ["group,n\n", *(f"{number % 500},1\n" for number in range(2_000)), "big,1\n" * 10]
    (files / "in.csv").write_text("".join(lines))
    summary = (await pipeline(group_by="group", totals=["n"])).result
    assert summary["groups_found"] == 501
    assert len(summary["groups"]) == 100
    assert summary["groups"][0] == {"group": "big", "rows": 10, "totals": {"n": 10}}


async def test_names_that_look_like_sql_are_only_names(files):
    column = 'x"; DROP TABLE t; --'
    (files / "a'b; --.csv").write_text('"x""; DROP TABLE t; --",y\'\n1,2\n')
    ran = await pipeline("a'b; --.csv", group_by=column, totals=["y'"])
    assert ran.result["columns"][0]["name"] == column
    assert ran.result["groups"][0]["totals"] == {"y'": 2}


async def test_a_name_that_is_a_pattern_is_refused(files):
    make_csv(files / "a*.csv", 3)
    make_csv(files / "ab.csv", 3)
    assert await refusal("a*.csv") == (
        "the way to a*.csv or out.parquet has a *, ? or [ in it, a pattern for DuckDB; rename it"
    )


def context(cancelled):
    class Link:
        @property
        def cancelled(self):
            return cancelled()

        def progressed(self, fraction, text):
            pass

    job = Job(id=new_id(), type="data.pipeline", queue="default", payload={}, created_at=datetime.now(UTC))
    return JobContext(job, new_id(), Link(), max_retries=0, deadline=None)


def test_a_long_statement_ends_soon_after_the_run_was_told_to_stop():
    looks = iter([False])
    with tables([], context(lambda: next(looks, True))) as db:
        began = time.monotonic()
        with pytest.raises(Cancel):
            db.rows("SELECT max(a.range + b.range) FROM range(1000000000) a, range(1000) b")
        assert time.monotonic() - began < 10


def test_no_statement_reaches_another_file(files):
    make_csv(files / "mine.csv", 3)
    make_csv(files / "other.csv", 3)
    with tables([files / "mine.csv"], context(lambda: False)) as db:
        assert db.rows(f"SELECT count(*) FROM read_csv('{files}/mine.csv')") == [(3,)]
        for attempt in (
            f"SELECT * FROM read_csv('{files}/other.csv')",
            f"SELECT * FROM read_text('{files}/*')",
            f"COPY (SELECT 1) TO '{files}/new.csv'",
            "SET enable_external_access = true",
            "INSTALL httpfs",
        ):
            with pytest.raises(duckdb.Error):
                db.rows(attempt)
    assert not (files / "new.csv").exists()


async def test_it_runs_and_is_cancelled_in_a_child_process(files, worker_executor):
    make_csv(files / "orders.csv", 1_000)
    payload = {"source": "orders.csv", "target": "out.parquet"}
    async with worker_executor() as (execute, make_run):
        run = make_run("data.pipeline", payload)
        outcome = await execute(run)
        assert isinstance(outcome, Completed), outcome
        assert outcome.result["rows"] == 1_000
        assert run.progress == 1.0
        torn = make_run("data.pipeline", payload | {"source": "nope.csv"})
        assert isinstance(await execute(torn), Failed)
        stopped = make_run("data.pipeline", payload)
        stopped.cancel("cancelled")
        assert isinstance(await execute(stopped), Cancelled)
