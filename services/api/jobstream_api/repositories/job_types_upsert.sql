INSERT INTO job_types AS t (
    type, payload_schema, description, max_retries, timeout_s, run_in,
    backoff_base_s, backoff_factor, backoff_cap_s, limits, strict_order, announced_at, uniqueness
)
SELECT a.type, a.payload_schema::jsonb, a.description, a.max_retries, a.timeout_s, a.run_in,
    a.backoff_base_s, a.backoff_factor, a.backoff_cap_s, a.limits::jsonb, a.strict_order, a.announced_at,
    a.uniqueness::jsonb
FROM unnest(
    $1::text[], $2::text[], $3::text[], $4::int[], $5::float8[], $6::text[],
    $7::float8[], $8::float8[], $9::float8[], $10::text[], $11::bool[], $12::timestamptz[], $13::text[]
) AS a (
    type, payload_schema, description, max_retries, timeout_s, run_in,
    backoff_base_s, backoff_factor, backoff_cap_s, limits, strict_order, announced_at, uniqueness
)
ON CONFLICT (type) DO UPDATE
SET payload_schema = excluded.payload_schema, description = excluded.description,
    max_retries = excluded.max_retries, timeout_s = excluded.timeout_s, run_in = excluded.run_in,
    backoff_base_s = excluded.backoff_base_s, backoff_factor = excluded.backoff_factor,
    backoff_cap_s = excluded.backoff_cap_s, limits = excluded.limits, strict_order = excluded.strict_order,
    announced_at = excluded.announced_at, uniqueness = excluded.uniqueness
WHERE t.announced_at < excluded.announced_at
