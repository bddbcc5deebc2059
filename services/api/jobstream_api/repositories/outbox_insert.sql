INSERT INTO outbox (id, job_id, topic, key, headers, value, created_at)
SELECT id, job_id, topic, key, headers::jsonb, value, created_at
FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::bytea[], $5::text[], $6::bytea[], $7::timestamptz[])
    AS o (id, job_id, topic, key, headers, value, created_at)
