-- Caps on backlogs count all lanes of a limit and key, and jobs that are held for a time; unique jobs meet every
-- earlier one that counts, not only the last.

-- Its row is there before a job of the lane is: who counts finds the lanes of a limit and key here, however
-- many others there are. Lanes without jobs are taken out when there are many, and every hour.
CREATE TABLE backlog_lanes (
    name   text NOT NULL,
    key    text NOT NULL,
    lane   text NOT NULL COLLATE "C",
    digest uuid GENERATED ALWAYS AS (md5(lane)::uuid) STORED,
    PRIMARY KEY (name, key, digest)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 1000);

COMMENT ON TABLE backlog_lanes IS 'lanes by limit and key, of limits with a max_waiting';
COMMENT ON COLUMN backlog_lanes.digest IS 'of the lane, which may be too long for a key';

CREATE INDEX jobs_delayed ON jobs (lane, dispatch_at) WHERE lane IS NOT NULL AND dispatch_at < 'infinity'
