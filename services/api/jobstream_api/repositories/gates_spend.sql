-- Permits handed out at $4. Relative to what is stored: permits may have come back since that was read.
INSERT INTO limit_usage AS u (name, key, tat, full_at)
SELECT name, key, to_timestamp($4::float8 + seconds), to_timestamp($4::float8)
FROM unnest($1::text[], $2::text[], $3::float8[]) AS s (name, key, seconds)
ON CONFLICT (name, key) DO UPDATE
SET tat     = greatest(u.tat, excluded.full_at) + (excluded.tat - excluded.full_at),
    full_at = CASE WHEN u.tat <= excluded.full_at THEN excluded.full_at ELSE u.full_at END
