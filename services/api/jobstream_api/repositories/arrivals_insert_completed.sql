INSERT INTO jobs (
    id, type, queue, key, payload, tags, max_retries, timeout_s, run_at, created_at, priority,
    direct, dispatched_at, status, rank, run_id, worker, started_at, finished_at, progress, progress_text, result
)
SELECT
    a.id, a.type, a.queue, a.key, a.payload::jsonb,
    CASE WHEN a.tags IS NULL THEN '{}' ELSE ARRAY(SELECT jsonb_array_elements_text(a.tags::jsonb)) END,
    a.max_retries, a.timeout_s, a.run_at, a.created_at, coalesce(a.priority, 0),
    true,
    -- A timestamp from long ago is no clock's, and nothing is to be counted from it.
    CASE WHEN a.created_at > now() - interval '1 day' THEN a.created_at ELSE now() END,
    'COMPLETED', 2, a.run_id, a.worker, a.started_at, coalesce(a.finished_at, now()),
    a.progress, a.progress_text, a.result::jsonb
FROM unnest(
    $1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[],
    $7::int[], $8::float8[], $9::timestamptz[], $10::timestamptz[], $11::smallint[],
    $12::uuid[], $13::text[], $14::timestamptz[], $15::timestamptz[], $16::real[], $17::text[], $18::text[]
) AS a (
    id, type, queue, key, payload, tags, max_retries, timeout_s, run_at, created_at, priority,
    run_id, worker, started_at, finished_at, progress, progress_text, result
)
ON CONFLICT (id) DO NOTHING
RETURNING id, dispatched_at
