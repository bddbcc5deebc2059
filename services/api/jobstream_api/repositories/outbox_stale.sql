SELECT id, job_id, topic, key, headers, value, created_at
FROM outbox
WHERE created_at < now() - make_interval(secs => $1)
ORDER BY failures, created_at
LIMIT $2
