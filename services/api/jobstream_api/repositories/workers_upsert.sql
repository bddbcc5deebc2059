INSERT INTO workers AS w
    (id, host, pid, version, started_at, said_at, stopped_at, concurrency, running, types, partitions, metrics_url)
VALUES ($1, $2, $3, $4, $5, $6, CASE WHEN $7 THEN now() END, $8, $9, $10, $11, $12)
ON CONFLICT (id) DO UPDATE
SET said_at = excluded.said_at, last_seen_at = now(), stopped_at = excluded.stopped_at,
    concurrency = excluded.concurrency, running = excluded.running, types = excluded.types,
    partitions = excluded.partitions, metrics_url = excluded.metrics_url
WHERE w.said_at < excluded.said_at
