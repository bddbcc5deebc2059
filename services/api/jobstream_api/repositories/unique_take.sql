-- Claims that are locked change hands; who had one before may still be in somebody's way.
WITH displaced AS (
    INSERT INTO unique_earlier (job_id, hash, claimed_at, expires_at, ended)
    SELECT c.job_id, c.hash, c.claimed_at, c.expires_at, d.ended
    FROM unique_claims AS c
    JOIN unnest($4::bytea[], $5::text[]) AS d (hash, ended) USING (hash)
    UNION ALL
    SELECT b.job_id, b.hash, now(), now() + make_interval(secs => b.window_s), NULL
    FROM unnest($6::bytea[], $7::uuid[], $8::float8[]) AS b (hash, job_id, window_s)
)
UPDATE unique_claims AS c
SET job_id = a.job_id, claimed_at = now(), expires_at = now() + make_interval(secs => a.window_s)
FROM unnest($1::bytea[], $2::uuid[], $3::float8[]) AS a (hash, job_id, window_s)
WHERE c.hash = a.hash
