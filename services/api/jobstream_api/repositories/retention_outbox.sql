-- Only records of jobs (they have no headers of their own): to run a job that is over helps nobody.
DELETE FROM outbox AS o
USING (
    SELECT o.id
    FROM outbox AS o
    JOIN jobs AS j ON j.id = o.job_id
    WHERE o.id < $1 AND o.created_at < now() - interval '1 day' AND o.headers IS NULL AND j.status = ANY($2::text[])
    ORDER BY o.id
    LIMIT $3
    FOR UPDATE OF o SKIP LOCKED
) AS late
WHERE o.id = late.id
RETURNING o.id
