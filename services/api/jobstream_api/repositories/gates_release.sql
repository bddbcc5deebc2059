-- Jobs that may pass. One that a worker runs already, since it was on its way before its type had a gate, stays; so does
-- one that was moved to another lane since it was seen, and one with strict order whose key has an earlier job that is
-- not over: that one may have come by another process, into a lane that we have not looked at yet.
UPDATE jobs AS j
SET status        = 'PENDING',
    dispatch      = j.dispatch + 1,
    rank          = 0,
    dispatch_at   = NULL,
    dispatched_at = now(),
    watch_at      = now(),
    started_at    = NULL,
    run_id        = NULL,
    progress      = NULL,
    progress_text = NULL
FROM unnest($1::uuid[], $2::float8[], $3::text[]) WITH ORDINALITY AS p (id, good_for_s, lane, place)
WHERE j.id = p.id AND j.dispatch_at = 'infinity' AND j.lane = p.lane AND j.status = ANY($4::text[])
  AND NOT (j.lane LIKE '!%' AND EXISTS (
      SELECT FROM jobs AS e WHERE e.type = j.type AND e.key = j.key AND e.lane LIKE '!%' AND e.seq < j.seq
  ))
RETURNING p.place, j.id, j.type, j.queue, j.key, j.payload, j.attempt, j.dispatch, j.max_retries, j.timeout_s, j.tags,
    j.created_at, j.start_before, j.dispatched_at, j.lane, j.priority,
    CASE WHEN j.late <= $5::int THEN now() + make_interval(secs => p.good_for_s) END AS start_by
