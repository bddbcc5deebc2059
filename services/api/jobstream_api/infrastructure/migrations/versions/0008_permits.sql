-- Permits: which of them may come back, and who came late.

ALTER TABLE limit_usage ADD COLUMN full_at timestamptz NOT NULL DEFAULT '-infinity';

COMMENT ON COLUMN limit_usage.full_at IS 'when the bucket was last seen full: permits given before do not come back';

ALTER TABLE jobs ADD COLUMN late smallint NOT NULL DEFAULT 0;

COMMENT ON COLUMN jobs.late IS 'how often in a row it came to a worker after its permit had ended';

COMMENT ON COLUMN jobs.lane IS 'JSON: queue, type, [limit, key] pairs, strict key, tenant, digest of the rules that made it; a ! before it: strict order; NULL: no gate, or over';

-- Of types with strict order: whether an earlier job of the key is not over, in whatever lane it is.
CREATE INDEX jobs_strict ON jobs (type, key, seq) WHERE lane LIKE '!%';
