SELECT id, type, status, attempt, dispatch, rank, max_retries, lane,
    CASE WHEN lane IS NOT NULL AND dispatch_at IS NULL THEN dispatched_at END AS permit_from
FROM jobs
WHERE id = ANY(ARRAY(SELECT unnest($1::uuid[])))
  -- Both as in runs_report.
  AND id BETWEEN $2 AND $3
