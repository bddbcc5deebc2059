-- Also a lane whose jobs are all out stays: they may come back to it.
DELETE FROM backlog_lanes AS b
USING unnest($1::text[], $2::text[], $3::uuid[]) AS u (name, key, digest)
WHERE b.name = u.name AND b.key = u.key AND b.digest = u.digest
  AND (SELECT 1 FROM jobs WHERE lane = b.lane AND dispatch_at = 'infinity' LIMIT 1) IS NULL
  AND (SELECT 1 FROM jobs WHERE lane = b.lane AND lane IS NOT NULL AND dispatch_at < 'infinity' LIMIT 1) IS NULL
  AND (SELECT 1 FROM jobs WHERE lane = b.lane AND lane IS NOT NULL AND dispatch_at IS NULL LIMIT 1) IS NULL
