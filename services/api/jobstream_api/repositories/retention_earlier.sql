WITH page AS MATERIALIZED (
    SELECT job_id FROM unique_earlier WHERE job_id > $1 ORDER BY job_id LIMIT $2
), gone AS (
    DELETE FROM unique_earlier AS e
    USING page
    WHERE e.job_id = page.job_id
      AND (e.expires_at < now() OR (SELECT 1 FROM jobs WHERE id = e.job_id) IS NULL)
    RETURNING 1
)
SELECT
    (SELECT job_id FROM page ORDER BY job_id DESC LIMIT 1) AS last,
    (SELECT count(*) FROM page) AS seen,
    (SELECT count(*) FROM gone) AS gone
