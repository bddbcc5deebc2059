-- Permits that were not used. What was given before the bucket was full has come back with time: to count it again
-- would hand out more than the rate. A bucket that these fill is full from now on.
UPDATE limit_usage AS u
SET tat     = u.tat - r.interval_s * (SELECT count(*) FROM unnest(r.given) AS g WHERE g >= u.full_at),
    full_at = CASE
        WHEN u.tat - r.interval_s * (SELECT count(*) FROM unnest(r.given) AS g WHERE g >= u.full_at) <= clock_timestamp()
        THEN clock_timestamp()
        ELSE u.full_at
    END
FROM (
    SELECT name, key, array_agg(given_at) AS given, make_interval(secs => min(interval_s)) AS interval_s
    FROM unnest($1::text[], $2::text[], $3::timestamptz[], $4::float8[]) AS p (name, key, given_at, interval_s)
    GROUP BY name, key
) AS r
WHERE u.name = r.name AND u.key = r.key
