-- Jobs that are over, and whose worker said nothing in time: their permits are free.
UPDATE jobs
SET lane = NULL, lease_expires_at = NULL
WHERE id IN (
    SELECT id
    FROM jobs
    WHERE lease_expires_at < now() AND status = ANY($1::text[])
    ORDER BY id
    FOR NO KEY UPDATE SKIP LOCKED
)
RETURNING id
