-- What is listed is locked: who takes empty lanes out passes it over.
INSERT INTO backlog_lanes AS b (name, key, lane)
SELECT name, key, lane FROM unnest($1::text[], $2::text[], $3::text[]) AS p (name, key, lane)
ON CONFLICT (name, key, digest) DO UPDATE SET lane = b.lane
