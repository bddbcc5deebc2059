-- A job that is gone has ended long ago.
WITH seen AS (
    SELECT f.tick, f.job_id, j.status IS NULL OR j.status = ANY($2::text[]) AS ended
    FROM schedule_fires AS f
    LEFT JOIN jobs AS j ON j.id = f.job_id
    WHERE f.schedule_id = $1 AND f.open
), closed AS (
    UPDATE schedule_fires AS f
    SET open = false
    FROM seen
    WHERE f.schedule_id = $1 AND f.tick = seen.tick AND seen.ended
)
SELECT job_id FROM seen WHERE NOT ended
