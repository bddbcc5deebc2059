-- A key that another transaction is just writing is waited for, so exactly one of them comes first.
INSERT INTO idempotency_keys AS k (scope, key, request_hash, job_ids, refusals, expires_at)
SELECT
    a.scope, a.key, a.request_hash, ARRAY(SELECT jsonb_array_elements_text(a.job_ids::jsonb)::uuid),
    a.refusals::jsonb, now() + make_interval(secs => $6)
FROM unnest($1::text[], $2::text[], $3::bytea[], $4::text[], $5::text[]) AS a (scope, key, request_hash, job_ids, refusals)
-- Joined, so that it is set before the first row is written.
CROSS JOIN (SELECT set_config('lock_timeout', $7, true)) AS patience
ORDER BY a.scope, a.key
ON CONFLICT (scope, key) DO UPDATE
SET request_hash = excluded.request_hash, job_ids = excluded.job_ids, refusals = excluded.refusals,
    created_at = now(), expires_at = excluded.expires_at
WHERE k.expires_at <= now()
RETURNING k.scope, k.key, k.expires_at
