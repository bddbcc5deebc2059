-- A job with a lane goes to its gate; the dispatch is counted when it passes that.
WITH due AS (
    SELECT id
    FROM jobs
    WHERE dispatch_at <= now() AND status = ANY($2::text[])
    ORDER BY dispatch_at
    LIMIT $1
    FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE jobs AS j
SET status        = 'PENDING',
    attempt       = j.attempt + CASE WHEN j.status = 'RETRYING' THEN 1 ELSE 0 END,
    dispatch      = j.dispatch + CASE WHEN j.lane IS NULL THEN 1 ELSE 0 END,
    rank          = 0,
    dispatch_at   = CASE WHEN j.lane IS NOT NULL THEN 'infinity'::timestamptz END,
    dispatched_at = CASE WHEN j.lane IS NULL THEN now() ELSE j.dispatched_at END,
    watch_at      = CASE WHEN j.lane IS NULL THEN now() END,
    started_at    = NULL,
    run_id        = NULL,
    progress      = NULL,
    progress_text = NULL
FROM due
WHERE j.id = due.id
RETURNING j.id, j.type, j.queue, j.key, j.payload, j.attempt, j.dispatch, j.max_retries, j.timeout_s, j.tags,
    j.created_at, j.start_before, j.dispatched_at, j.lane, j.priority
