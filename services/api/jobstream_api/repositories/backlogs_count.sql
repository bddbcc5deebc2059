-- At most so many rows of each as are asked for, and one look into each of its lanes; others are not touched.
SELECT p.place, found.waiting, (SELECT count(*) FROM backlog_lanes WHERE name = p.name AND key = p.key) AS lanes
FROM unnest($1::text[], $2::text[], $3::int[]) WITH ORDINALITY AS p (name, key, most, place)
CROSS JOIN LATERAL (
    SELECT count(*) AS waiting
    FROM (
        SELECT 1
        FROM backlog_lanes AS b
        CROSS JOIN LATERAL (
            -- In the order of an index, so that the planner takes that: those that wait may be the last in the table.
            (SELECT 1 FROM jobs WHERE lane = b.lane AND dispatch_at = 'infinity' ORDER BY rank_at, seq LIMIT p.most)
            UNION ALL
            (
                SELECT 1 FROM jobs
                WHERE lane = b.lane AND lane IS NOT NULL AND dispatch_at < 'infinity'
                ORDER BY dispatch_at LIMIT p.most
            )
        ) AS jobs
        WHERE b.name = p.name AND b.key = p.key
        LIMIT p.most
    ) AS every
) AS found
