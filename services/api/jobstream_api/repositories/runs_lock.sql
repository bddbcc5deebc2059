SELECT id, type, status, attempt, dispatch, rank, max_retries
FROM jobs
WHERE id = ANY($1::uuid[])
ORDER BY id
FOR NO KEY UPDATE
