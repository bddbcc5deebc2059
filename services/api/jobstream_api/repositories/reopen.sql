UPDATE jobs
SET status           = 'PENDING',
    attempt          = attempt + 1,
    dispatch         = dispatch + 1,
    rank             = 0,
    max_retries      = $2,
    dispatched_at    = now(),
    dispatch_at      = NULL,
    watch_at         = now(),
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
