INSERT INTO job_types AS t (
    type, payload_schema, description, max_retries, timeout_s, run_in,
    backoff_base_s, backoff_factor, backoff_cap_s, announced_at
)
SELECT *
FROM unnest(
    $1::text[], $2::jsonb[], $3::text[], $4::int[], $5::float8[], $6::text[],
    $7::float8[], $8::float8[], $9::float8[], $10::timestamptz[]
)
ON CONFLICT (type) DO UPDATE
SET payload_schema = excluded.payload_schema, description = excluded.description,
    max_retries = excluded.max_retries, timeout_s = excluded.timeout_s, run_in = excluded.run_in,
    backoff_base_s = excluded.backoff_base_s, backoff_factor = excluded.backoff_factor,
    backoff_cap_s = excluded.backoff_cap_s, announced_at = excluded.announced_at
WHERE t.announced_at < excluded.announced_at
