-- A claim that another transaction is just writing is waited for, all in one order: so of jobs that are
-- the same exactly one is first. What was there is not changed, but it is ours until the commit.
INSERT INTO unique_claims AS c (hash, job_id, claimed_at, expires_at)
SELECT a.hash, a.job_id, now(), now() + make_interval(secs => a.window_s)
FROM unnest($1::bytea[], $2::uuid[], $3::float8[]) AS a (hash, job_id, window_s)
-- Joined, so that it is set before the first row is written.
CROSS JOIN (SELECT set_config('lock_timeout', $4, true)) AS patience
ORDER BY a.hash
ON CONFLICT (hash) DO UPDATE
SET job_id = c.job_id
RETURNING c.hash, c.job_id
