-- A statement of its own: it sees what the transactions that were waited for have stored.
-- Of those that are known to be over, the last of each state that counts for anybody.
SELECT
    h.hash, h.job_id, j.status, h.place,
    extract(epoch FROM now() - h.claimed_at)::float8 AS age_s,
    coalesce(h.expires_at <= now(), false) AS expired
FROM (
    SELECT hash, job_id, claimed_at, expires_at, 0 AS place
    FROM unique_claims
    WHERE hash = ANY($1::bytea[])
    UNION ALL
    SELECT hash, job_id, claimed_at, expires_at, 1
    FROM unique_earlier
    WHERE hash = ANY($1::bytea[]) AND ended IS NULL
    UNION ALL
    SELECT a.hash, e.job_id, e.claimed_at, e.expires_at, 2
    FROM unnest($1::bytea[]) AS a (hash)
    CROSS JOIN unnest($2::text[]) AS s (status)
    CROSS JOIN LATERAL (
        SELECT u.job_id, u.claimed_at, u.expires_at
        FROM unique_earlier AS u
        WHERE u.hash = a.hash AND u.ended = s.status AND (u.expires_at IS NULL OR u.expires_at > now())
          AND (SELECT 1 FROM jobs WHERE id = u.job_id) IS NOT NULL
        ORDER BY u.claimed_at DESC
        LIMIT 1
    ) AS e
) AS h
LEFT JOIN jobs AS j ON j.id = h.job_id
ORDER BY h.place
