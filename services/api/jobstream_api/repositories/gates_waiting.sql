SELECT l.place, j.id, extract(epoch FROM j.rank_at)::float8 AS rank_at, j.seq
FROM unnest($1::text[], $2::int[]) WITH ORDINALITY AS l (lane, most, place)
CROSS JOIN LATERAL (
    SELECT id, rank_at, seq
    FROM jobs
    WHERE lane = l.lane AND dispatch_at = 'infinity'
    ORDER BY rank_at, seq
    LIMIT l.most
) AS j
ORDER BY l.place, j.rank_at, j.seq
