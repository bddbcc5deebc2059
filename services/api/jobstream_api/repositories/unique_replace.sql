-- Only what was never handed out: nobody else has seen the payload.
UPDATE jobs AS j
SET payload     = a.payload::jsonb,
    priority    = coalesce(a.priority, j.priority),
    run_at      = coalesce(a.due, j.run_at),
    dispatch_at = CASE
        WHEN a.due IS NULL OR (a.due <= now() AND j.dispatch_at = 'infinity') THEN j.dispatch_at
        ELSE greatest(a.due, now())
    END
FROM (
    SELECT id, payload, priority, coalesce(run_at, now() + make_interval(secs => delay_s)) AS due
    FROM unnest($1::uuid[], $2::text[], $3::int[], $4::timestamptz[], $5::float8[])
        AS u (id, payload, priority, run_at, delay_s)
) AS a
WHERE j.id = a.id AND j.status = 'PENDING' AND j.dispatch = 0 AND j.dispatch_at IS NOT NULL
RETURNING j.id
