SELECT name, key, digest
FROM backlog_lanes
WHERE (name, key, digest) > ($1, $2, coalesce($3::uuid, '00000000-0000-0000-0000-000000000000'))
ORDER BY name, key, digest
LIMIT $4
FOR UPDATE SKIP LOCKED
