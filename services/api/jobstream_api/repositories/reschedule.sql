-- A time that has passed is now. Who waits at a gate goes there again when due; a step of priority is worth
-- some time of waiting there. How long it may wait for its start counts from when it is due.
WITH asked AS (
    SELECT greatest(coalesce($2::timestamptz, now() + make_interval(secs => $3::float8)), now()) AS due
    WHERE $2 IS NOT NULL OR $3 IS NOT NULL
)
UPDATE jobs AS j
SET dispatch_at  = coalesce(asked.due, j.dispatch_at),
    run_at       = CASE WHEN j.status = 'PENDING' THEN coalesce(asked.due, j.run_at) ELSE j.run_at END,
    start_before = coalesce(
        asked.due + make_interval(secs => extract(epoch FROM j.start_before - coalesce(j.run_at, j.created_at))::float8),
        j.start_before
    ),
    priority     = coalesce($4::smallint, j.priority),
    rank_at      = CASE
        WHEN j.lane IS NULL THEN j.rank_at
        ELSE coalesce(asked.due, j.run_at, j.created_at) - make_interval(secs => coalesce($4, j.priority) * (SELECT priority_step_s FROM flow))
    END
FROM (SELECT 1) AS one
LEFT JOIN asked ON true
WHERE j.id = $1 AND j.dispatch_at IS NOT NULL AND j.status = ANY($5::text[])
RETURNING j.*
