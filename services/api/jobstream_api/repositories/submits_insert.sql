INSERT INTO jobs (
    id, type, queue, key, payload, tags, max_retries, timeout_s, run_at, dispatch, dispatched_at, dispatch_at
)
SELECT
    s.id, s.type, s.queue, s.key, s.payload::jsonb,
    CASE WHEN s.tags IS NULL THEN '{}' ELSE ARRAY(SELECT jsonb_array_elements_text(s.tags::jsonb)) END,
    s.max_retries, s.timeout_s, s.due,
    CASE WHEN s.due > now() THEN 0 ELSE 1 END,
    CASE WHEN s.due > now() THEN NULL ELSE now() END,
    CASE WHEN s.due > now() THEN s.due END
FROM (
    SELECT *, coalesce(a.run_at, now() + make_interval(secs => a.delay_s)) AS due
    FROM unnest(
        $1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[],
        $7::int[], $8::float8[], $9::timestamptz[], $10::float8[]
    ) AS a (id, type, queue, key, payload, tags, max_retries, timeout_s, run_at, delay_s)
) AS s
RETURNING id, created_at, run_at, dispatch_at IS NOT NULL AS held
