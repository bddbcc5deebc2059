UPDATE jobs AS j
SET dispatched_at = now(), watch_at = now()
WHERE j.id = ANY($1::uuid[]) AND j.status = 'PENDING' AND j.rank = 0 AND j.dispatch_at IS NULL
RETURNING j.id, j.type, j.queue, j.key, j.payload, j.attempt, j.dispatch, j.max_retries, j.timeout_s, j.tags,
    j.created_at, j.start_before, j.dispatched_at, j.lane, j.priority
