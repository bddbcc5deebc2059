-- The lanes in which jobs wait: from one to the next along the index, however many jobs each has.
WITH RECURSIVE lanes AS (
    (SELECT lane FROM jobs WHERE dispatch_at = 'infinity' AND lane > $2 ORDER BY lane LIMIT 1)
    UNION ALL
    SELECT (SELECT j.lane FROM jobs AS j WHERE j.dispatch_at = 'infinity' AND j.lane > lanes.lane ORDER BY j.lane LIMIT 1)
    FROM lanes
    WHERE lanes.lane IS NOT NULL
)
SELECT lane FROM lanes WHERE lane IS NOT NULL LIMIT $1
