-- What may be under way outside keeps its permit: a run until its lease ends, a record in Kafka for $5
-- seconds, in which its worker reads the order. The worker's report frees it sooner.
WITH found AS (
    SELECT
        id, status,
        dispatch_at IS NOT NULL AS held,
        -- A direct job's record lies in Kafka though its row is held, until its worker has handed it back.
        dispatch_at IS NULL OR (direct AND rank = 0) AS sent
    FROM jobs
    WHERE id = ANY($1::uuid[]) AND status = ANY($2::text[])
    ORDER BY id
    FOR NO KEY UPDATE
), ended AS (
    UPDATE jobs AS j
    SET status           = 'CANCELLED',
        rank             = 2,
        finished_at      = now(),
        dispatch_at      = NULL,
        watch_at         = NULL,
        start_before     = NULL,
        last_error       = coalesce('cancelled: ' || $4::text, j.last_error),
        lane             = CASE WHEN NOT found.held THEN j.lane END,
        lease_expires_at = CASE
            WHEN j.lane IS NULL OR found.held THEN NULL
            WHEN found.status = 'RUNNING' THEN j.lease_expires_at
            ELSE now() + make_interval(secs => $5)
        END
    FROM found
    WHERE j.id = found.id
    RETURNING j.id, j.attempt, j.dispatch, j.dispatched_at, found.status, found.sent
), noted AS (
    INSERT INTO job_events (job_id, kind, attempt, detail)
    SELECT id, $3, attempt, jsonb_build_object('reason', $4::text, 'from', status) FROM ended
)
SELECT id, dispatch, dispatched_at, sent, now() AS at FROM ended
