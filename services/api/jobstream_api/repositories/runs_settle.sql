UPDATE jobs AS j
SET status           = e.status,
    rank             = 2,
    -- Who is handed back unstarted while its row is held stays held: it may have been moved to another time meanwhile.
    dispatch_at      = CASE
        WHEN e.status = 'PENDING' AND e.started_at IS NULL AND j.dispatch_at IS NOT NULL THEN j.dispatch_at
        ELSE now() + make_interval(secs => e.hold_s)
    END,
    watch_at         = NULL,
    -- Who is handed back unstarted still has to start in time.
    start_before     = CASE WHEN e.status = 'PENDING' AND e.started_at IS NULL THEN j.start_before END,
    lane             = CASE WHEN NOT e.terminal THEN coalesce(j.lane, e.lane) END,
    rank_at          = CASE WHEN coalesce(j.lane, e.lane) IS NOT NULL
        THEN coalesce(j.rank_at, greatest(coalesce(j.run_at, j.created_at), 'epoch') - make_interval(secs => j.priority * (SELECT priority_step_s FROM flow)))
    END,
    seq              = CASE WHEN coalesce(j.lane, e.lane) IS NOT NULL THEN coalesce(j.seq, nextval('jobs_seq')) END,
    late             = CASE WHEN e.late THEN least(j.late + 1, 1000) ELSE 0 END,
    lease_expires_at = NULL,
    run_id           = coalesce(e.run_id, j.run_id),
    worker           = coalesce(e.worker, j.worker),
    started_at       = coalesce(j.started_at, e.started_at),
    finished_at      = CASE WHEN e.terminal THEN coalesce(e.finished_at, now()) END,
    errors           = CASE WHEN e.error IS NULL THEN j.errors ELSE j.errors || jsonb_build_array(e.error::jsonb) END,
    last_error       = coalesce(e.last_error, j.last_error)
FROM unnest(
    $1::uuid[], $2::text[], $3::float8[], $4::uuid[], $5::text[], $6::timestamptz[], $7::timestamptz[],
    $8::bool[], $9::text[], $10::text[], $11::text[], $12::bool[], $13::text[], $14::int[], $15::int[], $16::int[]
) AS e (
    id, status, hold_s, run_id, worker, started_at, finished_at, terminal, error, last_error, lane, late, seen_status,
    seen_attempt, seen_dispatch, seen_rank
)
WHERE j.id = e.id
  -- Twice more, as in runs_report.
  AND j.id = ANY(ARRAY(SELECT unnest($1::uuid[])))
  AND j.id BETWEEN $17 AND $18
  -- As it stood when this was decided.
  AND j.status = e.seen_status
  AND j.attempt = e.seen_attempt
  AND j.dispatch = e.seen_dispatch
  AND j.rank = e.seen_rank
RETURNING j.id
