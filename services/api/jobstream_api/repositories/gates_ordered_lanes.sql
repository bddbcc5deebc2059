-- The lanes with strict order in which jobs are held, for whatever reason.
WITH RECURSIVE lanes AS (
    (SELECT lane FROM jobs WHERE lane LIKE '!%' AND dispatch_at IS NOT NULL AND lane > $2 ORDER BY lane LIMIT 1)
    UNION ALL
    SELECT (
        SELECT j.lane
        FROM jobs AS j
        WHERE j.lane LIKE '!%' AND j.dispatch_at IS NOT NULL AND j.lane > lanes.lane
        ORDER BY j.lane
        LIMIT 1
    )
    FROM lanes
    WHERE lanes.lane IS NOT NULL
)
SELECT lane FROM lanes WHERE lane IS NOT NULL LIMIT $1
