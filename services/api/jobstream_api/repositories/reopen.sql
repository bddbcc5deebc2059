UPDATE jobs
SET status           = 'PENDING',
    attempt          = attempt + 1,
    dispatch         = dispatch + 1,
    rank             = 0,
    max_retries      = $2,
    dispatched_at    = CASE WHEN $3::text IS NULL THEN now() END,
    dispatch_at      = CASE WHEN $3::text IS NOT NULL THEN 'infinity'::timestamptz END,
    watch_at         = CASE WHEN $3::text IS NULL THEN now() END,
    lane             = $3,
    rank_at          = now() - make_interval(secs => priority * (SELECT priority_step_s FROM flow)),
    seq              = CASE WHEN $3::text IS NOT NULL THEN nextval('jobs_seq') END,
    lease_expires_at = NULL,
    run_id           = NULL,
    worker           = NULL,
    started_at       = NULL,
    finished_at      = NULL,
    progress         = NULL,
    progress_text    = NULL,
    result           = NULL
WHERE id = $1
RETURNING *
