-- A statement of its own: it sees what the transactions that were waited for have stored.
SELECT
    c.hash, c.job_id, j.status,
    extract(epoch FROM now() - c.claimed_at)::float8 AS age_s,
    coalesce(c.expires_at <= now(), false) AS expired
FROM unique_claims AS c
LEFT JOIN jobs AS j ON j.id = c.job_id
WHERE c.hash = ANY($1::bytea[])
