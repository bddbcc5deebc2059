-- Uniqueness and retention.

CREATE TABLE unique_claims (
    hash       bytea       PRIMARY KEY,
    job_id     uuid        NOT NULL,
    claimed_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05);

COMMENT ON COLUMN unique_claims.hash IS 'SHA-256 over what makes jobs the same';
COMMENT ON COLUMN unique_claims.expires_at IS 'end of the window; NULL: as long as the job is there';

CREATE INDEX unique_claims_job ON unique_claims (job_id);
CREATE INDEX unique_claims_expiry ON unique_claims (expires_at) WHERE expires_at IS NOT NULL;

ALTER TABLE job_types ADD COLUMN uniqueness jsonb;

ALTER TABLE jobs ADD COLUMN result_expired boolean NOT NULL DEFAULT false;

COMMENT ON COLUMN jobs.result_expired IS 'there was a result, and its retention is over'
