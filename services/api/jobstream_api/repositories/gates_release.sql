-- Jobs that may pass. One that a worker runs already, since it was on its way before its type had a gate, stays.
UPDATE jobs AS j
SET status        = 'PENDING',
    dispatch      = j.dispatch + 1,
    rank          = 0,
    dispatch_at   = NULL,
    dispatched_at = now(),
    watch_at      = now(),
    started_at    = NULL,
    run_id        = NULL,
    progress      = NULL,
    progress_text = NULL
FROM unnest($1::uuid[], $2::float8[]) WITH ORDINALITY AS p (id, good_for_s, place)
WHERE j.id = p.id AND j.dispatch_at = 'infinity' AND j.status = ANY($3::text[])
RETURNING p.place, j.id, j.type, j.queue, j.key, j.payload, j.attempt, j.dispatch, j.max_retries, j.timeout_s, j.tags,
    j.created_at, j.start_before, j.dispatched_at, j.lane, j.priority,
    CASE WHEN j.dispatch <= j.attempt + $4::int THEN now() + make_interval(secs => p.good_for_s) END AS start_by
