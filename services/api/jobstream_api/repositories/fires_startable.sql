SELECT s.*, now() AS now
FROM schedules AS s
WHERE NOT s.paused
  AND s.id IN (SELECT schedule_id FROM schedule_fires WHERE status = 'waiting')
  AND NOT EXISTS (
      SELECT 1
      FROM schedule_fires AS f
      JOIN jobs AS j ON j.id = f.job_id
      WHERE f.schedule_id = s.id AND f.open AND j.status <> ALL($2::text[])
  )
LIMIT $1
FOR NO KEY UPDATE OF s SKIP LOCKED
