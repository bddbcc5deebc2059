-- The earliest job of each lane with strict order, whether it may go yet or not.
SELECT l.place, j.id, extract(epoch FROM j.rank_at)::float8 AS rank_at, j.seq, j.dispatch_at = 'infinity' AS at_gate
FROM unnest($1::text[]) WITH ORDINALITY AS l (lane, place)
CROSS JOIN LATERAL (
    SELECT id, rank_at, seq, dispatch_at
    FROM jobs
    WHERE lane = l.lane AND lane LIKE '!%' AND dispatch_at IS NOT NULL
    ORDER BY seq
    LIMIT 1
) AS j
