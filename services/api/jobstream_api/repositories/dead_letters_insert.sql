INSERT INTO dead_letters
    (id, topic, partition, "offset", reason, field, detail, key, value, headers, job_id, record_at)
SELECT id, topic, partition, "offset", reason, field, detail, key, value, headers::jsonb, job_id, record_at
FROM unnest(
    $1::uuid[], $2::text[], $3::int[], $4::bigint[], $5::text[], $6::text[], $7::text[],
    $8::bytea[], $9::bytea[], $10::text[], $11::uuid[], $12::timestamptz[]
) AS d (id, topic, partition, "offset", reason, field, detail, key, value, headers, job_id, record_at)
ON CONFLICT (topic, partition, "offset") DO NOTHING
RETURNING id, created_at
