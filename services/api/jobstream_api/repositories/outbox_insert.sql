INSERT INTO outbox (id, job_id, topic, key, headers, value, created_at)
SELECT *
FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::bytea[], $5::jsonb[], $6::bytea[], $7::timestamptz[])
