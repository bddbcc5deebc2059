-- The run of a cancelled job is over: its permit is free.
UPDATE jobs AS j
SET lane = NULL, lease_expires_at = NULL
FROM unnest($1::uuid[], $2::int[], $3::int[]) AS e (id, attempt, dispatch)
WHERE j.id = e.id
  AND j.attempt = e.attempt
  AND j.dispatch = e.dispatch
  AND j.lane IS NOT NULL
  AND j.status = ANY($4::text[])
RETURNING j.id
