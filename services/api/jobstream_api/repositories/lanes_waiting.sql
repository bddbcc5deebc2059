-- Jobs at a gate, by lane. Hops from lane to lane in the index, $1 lanes at most; of each lane it counts
-- its share of $2 rows, so that one long lane hides no other and the cost is bounded.
WITH RECURSIVE hop AS (
    (
        SELECT lane, 1 AS place FROM jobs WHERE dispatch_at = 'infinity' ORDER BY lane LIMIT 1
    )
    UNION ALL
    SELECT (
        SELECT j.lane FROM jobs AS j WHERE j.lane > hop.lane AND j.dispatch_at = 'infinity' ORDER BY j.lane LIMIT 1
    ), hop.place + 1
    FROM hop
    WHERE hop.lane IS NOT NULL AND hop.place < $1::int
), lanes AS (
    SELECT lane FROM hop WHERE lane IS NOT NULL
), share AS (
    SELECT greatest($2::bigint / greatest(count(*), 1), 1) AS most, count(*) >= $1::int AS lanes_capped FROM lanes
)
SELECT lanes.lane, counted.jobs, counted.jobs >= share.most OR share.lanes_capped AS capped,
    greatest(extract(epoch FROM now() - first.since), 0)::float8 AS age_s
FROM lanes
CROSS JOIN share
CROSS JOIN LATERAL (
    SELECT count(*) AS jobs
    FROM (
        SELECT FROM jobs AS j WHERE j.lane = lanes.lane AND j.dispatch_at = 'infinity' LIMIT (SELECT most FROM share)
    ) AS entries
) AS counted
CROSS JOIN LATERAL (
    SELECT greatest(j.created_at, j.run_at) AS since
    FROM jobs AS j
    WHERE j.lane = lanes.lane AND j.dispatch_at = 'infinity'
    ORDER BY j.rank_at, j.seq
    LIMIT 1
) AS first
