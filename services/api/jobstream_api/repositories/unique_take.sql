UPDATE unique_claims AS c
SET job_id = a.job_id, claimed_at = now(), expires_at = now() + make_interval(secs => a.window_s)
FROM unnest($1::bytea[], $2::uuid[], $3::float8[]) AS a (hash, job_id, window_s)
WHERE c.hash = a.hash
