-- A claim that others had before stays, as one that is over: it is the lock on them.
WITH earlier AS (
    DELETE FROM unique_earlier WHERE job_id = ANY($1::uuid[])
), over AS (
    UPDATE unique_claims AS c
    SET expires_at = now()
    WHERE job_id = ANY($1::uuid[]) AND EXISTS (SELECT 1 FROM unique_earlier AS e WHERE e.hash = c.hash)
)
DELETE FROM unique_claims AS c
WHERE job_id = ANY($1::uuid[]) AND NOT EXISTS (SELECT 1 FROM unique_earlier AS e WHERE e.hash = c.hash)
