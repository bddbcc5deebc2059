-- Permits that are out, by lane; bounded as in lanes_waiting.sql.
WITH RECURSIVE hop AS (
    (
        SELECT lane, 1 AS place FROM jobs WHERE lane IS NOT NULL AND dispatch_at IS NULL ORDER BY lane LIMIT 1
    )
    UNION ALL
    SELECT (
        SELECT j.lane FROM jobs AS j WHERE j.lane > hop.lane AND j.dispatch_at IS NULL ORDER BY j.lane LIMIT 1
    ), hop.place + 1
    FROM hop
    WHERE hop.lane IS NOT NULL AND hop.place < $1::int
), lanes AS (
    SELECT lane FROM hop WHERE lane IS NOT NULL
), share AS (
    SELECT greatest($2::bigint / greatest(count(*), 1), 1) AS most, count(*) >= $1::int AS lanes_capped FROM lanes
)
SELECT lanes.lane, counted.jobs, counted.jobs >= share.most OR share.lanes_capped AS capped
FROM lanes
CROSS JOIN share
CROSS JOIN LATERAL (
    SELECT count(*) AS jobs
    FROM (
        SELECT FROM jobs AS j WHERE j.lane = lanes.lane AND j.dispatch_at IS NULL LIMIT (SELECT most FROM share)
    ) AS entries
) AS counted
