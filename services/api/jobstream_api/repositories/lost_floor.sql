WITH looked_at AS (
    SELECT created_at, status = 'PENDING' AND rank = 0 AND watch_at IS NULL AND dispatch_at IS NULL AS waits
    FROM jobs
    WHERE created_at >= $1 AND created_at < $2
    ORDER BY created_at
    LIMIT $3
)
SELECT coalesce(
    (SELECT min(created_at) FROM looked_at WHERE waits),
    (SELECT max(created_at) FROM looked_at),
    $2
)
