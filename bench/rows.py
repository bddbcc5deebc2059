"""Rows of jobs that ended long ago, made by PostgreSQL itself."""

from datetime import UTC, datetime, timedelta

from bench.watch import Watch
from jobstream.ids import id_floor
from jobstream_api.infrastructure.partitions import partition_name, week_of

WEEKS = 6
CHUNK = 500_000
_PARTITION = "CREATE TABLE IF NOT EXISTS {name} PARTITION OF jobs FOR VALUES FROM ('{low}') TO ('{high}')"
_INSERT = """
INSERT INTO jobs (id, type, queue, key, payload, tags, created_at, status, attempt, rank, dispatched_at, run_id, worker,
    started_at, finished_at, result, last_error)
SELECT uuidv7(at - clock_timestamp()), 'example', 'default',
    CASE WHEN n % 5 = 0 THEN 'customer-' || n % 5000 END,
    jsonb_build_object('task', 'example', 'value', n, 'note', 'order ' || n || ' of customer ' || n % 5000),
    CASE WHEN n % 20 = 0 THEN ARRAY['nightly'] ELSE '{}' END,
    at, CASE WHEN n % 50 = 0 THEN 'FAILED' ELSE 'COMPLETED' END, 1 + (n % 50 = 0)::int * 3, 2,
    at, gen_random_uuid(), 'worker-' || n % 4, at + interval '5 ms', at + interval '9 ms',
    CASE WHEN n % 50 <> 0 THEN '{"output": "success"}'::jsonb END, CASE WHEN n % 50 = 0 THEN 'ConnectionError: no' END
FROM (
    SELECT n, $1::timestamptz + ($2::timestamptz - $1::timestamptz) * (n::float8 / $3::float8) AS at
    FROM generate_series($4::bigint, $5::bigint) AS n
) AS moments
"""


async def fill(watch: Watch, rows: int) -> None:
    """Insert terminal jobs, evenly over the last weeks up to an hour ago, each week in its partition, oldest first."""
    until = datetime.now(UTC) - timedelta(hours=1)
    since = until - timedelta(weeks=WEEKS)
    week = week_of(since)
    while week <= until:
        after = week + timedelta(weeks=1)
        named = _PARTITION.format(name=partition_name(week), low=id_floor(week), high=id_floor(after))
        await watch.execute(f"{named} WITH (fillfactor = 85)")
        week = after
    for first in range(0, rows, CHUNK):
        await watch.execute(_INSERT, since, until, rows, first, min(first + CHUNK, rows) - 1)
    await settle(watch)


async def settle(watch: Watch) -> None:
    """What autovacuum and the checkpointer would do sooner or later, done now."""
    await watch.execute("VACUUM (ANALYZE) jobs")
    await watch.execute("CHECKPOINT")
