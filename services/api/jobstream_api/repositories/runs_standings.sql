SELECT id, type, status, attempt, dispatch, rank, max_retries, lane,
    CASE WHEN lane IS NOT NULL AND dispatch_at IS NULL THEN dispatched_at END AS permit_from
FROM jobs
WHERE id = ANY($1::uuid[])
  -- The same once more, so that only the partitions of these days are opened at all.
  AND id BETWEEN $2 AND $3
