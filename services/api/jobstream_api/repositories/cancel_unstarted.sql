WITH found AS (
    SELECT id
    FROM jobs
    WHERE id = ANY($1::uuid[]) AND status = ANY($2::text[]) AND status <> 'RUNNING'
    ORDER BY id
    FOR NO KEY UPDATE
), ended AS (
    UPDATE jobs AS j
    SET status = 'CANCELLED', rank = 2, finished_at = now(), dispatch_at = NULL, watch_at = NULL
    FROM found
    WHERE j.id = found.id
    RETURNING j.id, j.attempt
), noted AS (
    INSERT INTO job_events (job_id, kind, attempt, detail) SELECT id, $3, attempt, $4::jsonb FROM ended
)
SELECT id FROM ended
