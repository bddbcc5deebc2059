UPDATE schedule_fires AS f
SET open = false
WHERE f.open
  AND NOT EXISTS (SELECT 1 FROM jobs AS j WHERE j.id = f.job_id AND j.status <> ALL($1::text[]))
