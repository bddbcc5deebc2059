-- Of what lies in Kafka a start may be told on the status topic and not be applied yet: so from $1 back only.
WITH late AS (
    SELECT
        id,
        'it had not started by ' || to_char(start_before AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS message
    FROM jobs
    WHERE start_before < now()
      AND status = 'PENDING'
      AND (dispatch_at IS NOT NULL OR start_before < $1::timestamptz)
    ORDER BY start_before
    LIMIT $2
    FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE jobs AS j
SET status       = 'FAILED',
    rank         = 2,
    finished_at  = now(),
    dispatch_at  = NULL,
    watch_at     = NULL,
    lane         = NULL,
    start_before = NULL,
    last_error   = late.message,
    errors       = j.errors || jsonb_build_array(jsonb_build_object(
        'attempt', j.attempt, 'at', now(), 'code', 'deadline_exceeded', 'type', '', 'message', late.message,
        'worker', NULL, 'run_id', NULL, 'traceback', NULL
    ))
FROM late
WHERE j.id = late.id
RETURNING j.id
