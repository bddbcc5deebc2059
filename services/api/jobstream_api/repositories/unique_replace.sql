-- Only what was never handed out: nobody else has seen the payload. Type, queue and key stay as they are,
-- so they have to agree: the payload was checked for that type, and the lane made of all three.
UPDATE jobs AS j
SET payload     = a.payload::jsonb,
    priority    = coalesce(a.priority, j.priority),
    run_at      = coalesce(a.due, j.run_at),
    -- As for a job that is moved: how long it may wait for its start counts from when it is due.
    start_before = CASE WHEN a.due IS NULL THEN j.start_before
        ELSE greatest(a.due, now())
            + make_interval(secs => extract(epoch FROM j.start_before - coalesce(j.run_at, j.created_at))::float8)
    END,
    dispatch_at = CASE
        WHEN a.due > now() THEN a.due
        WHEN a.due IS NULL AND j.dispatch_at <> 'infinity' THEN j.dispatch_at
        WHEN a.lane IS NOT NULL THEN 'infinity'::timestamptz
        ELSE now()
    END,
    lane        = a.lane,
    rank_at     = CASE WHEN a.lane IS NOT NULL
        THEN greatest(coalesce(a.due, j.run_at, j.created_at), 'epoch')
            - make_interval(secs => coalesce(a.priority, j.priority) * (SELECT priority_step_s FROM flow))
    END,
    seq         = CASE WHEN a.lane IS NOT NULL THEN coalesce(j.seq, nextval('jobs_seq')) END
FROM (
    SELECT *, coalesce(run_at, now() + make_interval(secs => delay_s)) AS due
    FROM unnest(
        $1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::int[], $7::timestamptz[], $8::float8[],
        $9::text[]
    ) AS u (id, type, queue, key, payload, priority, run_at, delay_s, lane)
) AS a
WHERE j.id = a.id AND j.status = 'PENDING' AND j.dispatch = 0 AND j.dispatch_at IS NOT NULL
  AND j.type = a.type AND j.queue = a.queue AND j.key IS NOT DISTINCT FROM a.key
RETURNING j.id
