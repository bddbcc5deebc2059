UPDATE jobs AS j
SET status       = 'FAILED',
    rank         = 2,
    finished_at  = now(),
    dispatch_at  = NULL,
    watch_at     = NULL,
    lane         = NULL,
    start_before = NULL,
    last_error   = 'unpublishable: ' || e.detail,
    errors       = j.errors || jsonb_build_array(jsonb_build_object(
        'attempt', j.attempt, 'at', now(), 'code', 'unpublishable', 'type', '', 'message', e.detail,
        'worker', NULL, 'run_id', NULL, 'traceback', NULL
    ))
FROM unnest($1::uuid[], $2::text[]) AS e (id, detail)
WHERE j.id = e.id
  AND j.rank = 0
  AND j.status = ANY($3::text[])
