-- Each queue has a moment of its own; of a queue that is not named nothing is found.
WITH created AS MATERIALIZED (
    SELECT
        id, created_at,
        status = 'PENDING' AND rank = 0 AND watch_at IS NULL
            AND dispatched_at < ($2::timestamptz[])[array_position($1::text[], queue)] AS waits
    FROM jobs
    WHERE created_at >= $4 AND created_at < $5
    ORDER BY created_at
    LIMIT $6
), watched AS (
    SELECT id
    FROM jobs
    WHERE watch_at >= $3 AND watch_at < $5
      AND status = 'PENDING' AND dispatch_at IS NULL
      AND watch_at < ($2::timestamptz[])[array_position($1::text[], queue)]
    ORDER BY watch_at
    LIMIT $7
)
SELECT
    ARRAY(SELECT id FROM watched UNION SELECT id FROM created WHERE waits LIMIT $7) AS ids,
    (SELECT CASE WHEN count(*) = $6 THEN max(created_at) ELSE $5 END FROM created) AS reached
