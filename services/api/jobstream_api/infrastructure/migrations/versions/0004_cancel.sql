-- A job that has not started in time fails. Most jobs may start whenever they do: NULL, and not in the index.

ALTER TABLE jobs ADD COLUMN start_before timestamptz;

COMMENT ON COLUMN jobs.start_before IS 'FAILED if its first run has not started by then; NULL: no such limit, or it has started';

CREATE INDEX jobs_starting ON jobs (start_before) WHERE start_before IS NOT NULL
