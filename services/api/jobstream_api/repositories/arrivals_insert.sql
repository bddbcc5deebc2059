INSERT INTO jobs (
    id, type, queue, key, payload, tags, max_retries, timeout_s, run_at, created_at, start_before,
    direct, dispatched_at, dispatch_at, watch_at, priority, lane, rank_at, seq
)
SELECT
    a.id, a.type, a.queue, a.key, a.payload::jsonb,
    CASE WHEN a.tags IS NULL THEN '{}' ELSE ARRAY(SELECT jsonb_array_elements_text(a.tags::jsonb)) END,
    a.max_retries, a.timeout_s, a.run_at, a.created_at, a.start_before,
    true,
    CASE WHEN (a.run_at IS NULL OR a.run_at <= now()) AND a.lane IS NULL THEN now() END,
    CASE WHEN a.run_at > now() THEN a.run_at WHEN a.lane IS NOT NULL THEN 'infinity'::timestamptz END,
    -- Older than what the reaper's mark may have passed: it must be watched one by one.
    CASE WHEN a.created_at < now() - interval '20 seconds' AND (a.run_at IS NULL OR a.run_at <= now()) AND a.lane IS NULL
        THEN now()
    END,
    coalesce(a.priority, 0), a.lane,
    CASE WHEN a.lane IS NOT NULL
        THEN greatest(coalesce(a.run_at, a.created_at), 'epoch') - make_interval(secs => coalesce(a.priority, 0) * (SELECT priority_step_s FROM flow))
    END,
    CASE WHEN a.lane IS NOT NULL THEN nextval('jobs_seq') END
FROM unnest(
    $1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[],
    $7::int[], $8::float8[], $9::timestamptz[], $10::timestamptz[], $11::smallint[], $12::text[], $13::timestamptz[]
) AS a (id, type, queue, key, payload, tags, max_retries, timeout_s, run_at, created_at, priority, lane, start_before)
ON CONFLICT (id) DO NOTHING
RETURNING id
