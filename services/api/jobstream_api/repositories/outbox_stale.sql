-- Ids are UUIDv7, so by id is by time, near enough. A refused row waits twice as long each time.
SELECT id, job_id, topic, key, headers, value, created_at
FROM outbox
WHERE created_at < now() - make_interval(secs => $1 * power(2, failures))
  AND id > $3
ORDER BY id
LIMIT $2
