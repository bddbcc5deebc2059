SELECT id, type, status, attempt, dispatch, rank, max_retries
FROM jobs
WHERE lease_expires_at < $1 AND status = 'RUNNING'
ORDER BY id
LIMIT $2
FOR NO KEY UPDATE SKIP LOCKED
