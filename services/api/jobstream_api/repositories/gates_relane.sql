-- Jobs that wait, in the lanes where they belong now. Those with no gate any more are due.
UPDATE jobs AS j
SET lane        = r.lane,
    rank_at     = coalesce(j.rank_at, greatest(coalesce(j.run_at, j.created_at), 'epoch') - make_interval(secs => j.priority * (SELECT priority_step_s FROM flow))),
    seq         = coalesce(j.seq, nextval('jobs_seq')),
    dispatch_at = CASE WHEN r.lane IS NULL AND j.dispatch_at = 'infinity' THEN now() ELSE j.dispatch_at END
FROM unnest($1::uuid[], $2::text[]) AS r (id, lane)
WHERE j.id = r.id AND j.dispatch_at IS NOT NULL AND j.lane IS DISTINCT FROM r.lane
