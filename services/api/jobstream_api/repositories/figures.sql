WITH next_in_line AS (
    SELECT created_at
    FROM (
        SELECT created_at, status, rank, dispatch_at
        FROM jobs
        WHERE created_at >= coalesce((SELECT min(pending_floor) FROM leader), now() - interval '7 days')
        ORDER BY created_at
        LIMIT 20000
    ) AS recent
    WHERE status = 'PENDING' AND rank = 0 AND dispatch_at IS NULL
)
SELECT
    outbox.count AS outbox,
    greatest(coalesce(extract(epoch FROM now() - outbox.since), 0), 0)::float8 AS outbox_age_s,
    (SELECT count(*) FROM jobs WHERE dispatch_at IS NOT NULL) AS held,
    (SELECT greatest(coalesce(extract(epoch FROM now() - min(created_at)), 0), 0)::float8 FROM next_in_line)
        AS waiting_age_s
FROM (SELECT count(*) AS count, min(created_at) AS since FROM outbox WHERE id > $1) AS outbox
