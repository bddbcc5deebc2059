UPDATE jobs AS j
SET status           = CASE WHEN e.rank = 2 THEN 'COMPLETED' ELSE 'RUNNING' END,
    rank             = greatest(e.rank, 1),
    run_id           = e.run_id,
    worker           = e.worker,
    started_at       = coalesce(j.started_at, e.started_at),
    finished_at      = CASE WHEN e.rank = 2 THEN coalesce(e.finished_at, now()) END,
    lease_s          = coalesce(e.lease_s, j.lease_s),
    lease_expires_at = CASE WHEN e.rank < 2 THEN now() + make_interval(secs => coalesce(e.lease_s, j.lease_s, 30)) END,
    watch_at         = NULL,
    start_before     = CASE WHEN e.rank < 2 AND e.started_at IS NULL THEN j.start_before END,
    -- One whose record was on its way before its type had a gate runs without a permit.
    dispatch_at      = NULL,
    lane             = CASE WHEN e.rank < 2 THEN j.lane END,
    progress         = coalesce(e.progress, j.progress),
    progress_text    = coalesce(e.progress_text, j.progress_text),
    result           = e.result::jsonb
FROM unnest(
    $1::int[], $2::uuid[], $3::int[], $4::int[], $5::smallint[], $6::uuid[], $7::text[], $8::timestamptz[],
    $9::timestamptz[], $10::float8[], $11::real[], $12::text[], $13::text[]
) AS e (
    place, id, attempt, dispatch, rank, run_id, worker, started_at, finished_at, lease_s, progress, progress_text,
    result
)
WHERE j.id = e.id
  -- Twice more: so each row is looked up by its key, whatever is believed of rows that there are no statistics of yet
  -- (from a subselect, as planning by each of 1,000 known ids takes longer), and only these weeks' partitions are opened.
  AND j.id = ANY(ARRAY(SELECT unnest($2::uuid[])))
  AND j.id BETWEEN $16 AND $17
  AND j.attempt = e.attempt
  AND j.dispatch = e.dispatch
  AND CASE e.rank
          WHEN 0 THEN j.rank = 1 AND j.run_id = e.run_id
          WHEN 1 THEN (j.rank = 0 AND j.status = ANY($14::text[])) OR (j.rank = 1 AND j.run_id = e.run_id)
          ELSE j.rank < 2 AND j.status = ANY($15::text[])
      END
RETURNING e.place, coalesce(j.dispatched_at, j.created_at) AS dispatched_at
