SELECT id
FROM (
    (SELECT id
     FROM jobs
     WHERE watch_at < $1 AND status = 'PENDING' AND dispatch_at IS NULL
     ORDER BY watch_at
     LIMIT $3)
    UNION
    (SELECT id
     FROM jobs
     WHERE created_at >= $2 AND created_at < $1
       AND status = 'PENDING' AND rank = 0 AND watch_at IS NULL AND dispatched_at < $1
     ORDER BY created_at
     LIMIT $3)
) AS waiting
LIMIT $3
