INSERT INTO schedule_fires (schedule_id, tick, origin, status, reason, job_id, open)
SELECT schedule_id, tick, origin, status, reason, job_id, job_id IS NOT NULL
FROM unnest($1::uuid[], $2::timestamptz[], $3::text[], $4::text[], $5::text[], $6::uuid[])
    AS f (schedule_id, tick, origin, status, reason, job_id)
