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

CREATE INDEX jobs_delayed ON jobs (lane, dispatch_at) WHERE lane IS NOT NULL AND dispatch_at < 'infinity';

-- A claim is that of the last job that was stored; those before it may be in the way of one that counts other
-- states than the last one did. The claim is the lock on all of them, so it is there as long as they are.
CREATE TABLE unique_earlier (
    job_id     uuid        PRIMARY KEY,
    hash       bytea       NOT NULL,
    claimed_at timestamptz NOT NULL,
    expires_at timestamptz,
    ended      text
) WITH (fillfactor = 90, autovacuum_vacuum_scale_factor = 0.05);

COMMENT ON TABLE unique_earlier IS 'jobs that had a claim before the one that has it, as long as they are there';
COMMENT ON COLUMN unique_earlier.ended IS 'the state in which it ended, once that was seen; NULL: it has to be looked up';

CREATE INDEX unique_earlier_hash ON unique_earlier (hash, ended, claimed_at)
