-- One page of a table of jobs: what is expired of it goes, with its events and claims. A row that
-- somebody is changing is left for the next time; nothing is waited for.
WITH page AS MATERIALIZED (
    SELECT id
    FROM {table}
    WHERE id > $1
    ORDER BY id
    LIMIT $2
), expired AS MATERIALIZED (
    SELECT j.id
    FROM {table} AS j
    JOIN page USING (id)
    JOIN unnest($3::text[], $4::float8[]) AS kept (status, seconds) ON kept.status = j.status
    WHERE j.finished_at < now() - make_interval(secs => kept.seconds)
      -- A cancelled job whose run is not over yet holds a permit: it stays until that is free.
      AND (j.lane IS NULL OR j.lease_expires_at < now())
    FOR UPDATE OF j SKIP LOCKED
), gone AS (
    DELETE FROM {table} AS j
    USING expired
    WHERE j.id = expired.id
    RETURNING j.id, j.status
), events AS (
    DELETE FROM job_events AS e USING gone WHERE e.job_id = gone.id
), earlier AS (
    DELETE FROM unique_earlier AS e USING gone WHERE e.job_id = gone.id
), over AS (
    -- As unique_release.sql does.
    UPDATE unique_claims AS c
    SET expires_at = now()
    FROM gone
    WHERE c.job_id = gone.id AND EXISTS (SELECT 1 FROM unique_earlier AS e WHERE e.hash = c.hash)
), claims AS (
    DELETE FROM unique_claims AS c
    USING gone
    WHERE c.job_id = gone.id AND NOT EXISTS (SELECT 1 FROM unique_earlier AS e WHERE e.hash = c.hash)
), faded AS (
    SELECT j.id
    FROM {table} AS j
    JOIN page USING (id)
    WHERE $5 > 0 AND j.result IS NOT NULL AND j.status = ANY($6::text[])
      AND j.finished_at < now() - make_interval(secs => $5)
      AND NOT EXISTS (SELECT 1 FROM expired WHERE expired.id = j.id)
    FOR UPDATE OF j SKIP LOCKED
), emptied AS (
    UPDATE {table} AS j
    SET result = NULL, result_expired = true
    FROM faded
    WHERE j.id = faded.id
    RETURNING j.id
)
SELECT
    (SELECT id FROM page ORDER BY id DESC LIMIT 1) AS last,
    (SELECT count(*) FROM page) AS seen,
    (SELECT count(*) FROM gone WHERE status = 'COMPLETED') AS completed,
    (SELECT count(*) FROM gone WHERE status = 'FAILED') AS failed,
    (SELECT count(*) FROM gone WHERE status = 'CANCELLED') AS cancelled,
    (SELECT count(*) FROM emptied) AS result
