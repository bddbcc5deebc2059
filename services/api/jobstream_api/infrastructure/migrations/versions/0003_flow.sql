-- Gates: limits, managed queues, strict order, pauses.
--
-- A job that has to pass a gate has a lane: everything that decides on it is the same for all jobs of
-- the lane. It waits there with dispatch_at = 'infinity', holds a permit while lane is set and
-- dispatch_at is not, and has no lane once it is over. Jobs without a gate have none of this.

ALTER TABLE jobs
    ADD COLUMN lane     text COLLATE "C",
    ADD COLUMN rank_at  timestamptz,
    ADD COLUMN seq      bigint,
    ADD COLUMN priority smallint NOT NULL DEFAULT 0;

COMMENT ON COLUMN jobs.lane IS 'JSON: queue, type, [limit, key] pairs, strict key, tenant; a ! before it: strict order; NULL: no gate, or over';
COMMENT ON COLUMN jobs.rank_at IS 'place in the lane: when it was due, less what its priority is worth';
COMMENT ON COLUMN jobs.seq IS 'order of arrival in the lane';
COMMENT ON COLUMN jobs.dispatch_at IS 'held until then, for the dispatcher; infinity: at a gate; NULL: not held';

CREATE SEQUENCE jobs_seq;
CREATE INDEX jobs_gated ON jobs (lane, rank_at, seq) WHERE dispatch_at = 'infinity';
CREATE INDEX jobs_ordered ON jobs (lane, seq) WHERE lane LIKE '!%' AND dispatch_at IS NOT NULL;
CREATE INDEX jobs_permitted ON jobs (lane) WHERE lane IS NOT NULL AND dispatch_at IS NULL;

ALTER TABLE job_types
    ADD COLUMN limits       jsonb   NOT NULL DEFAULT '[]',
    ADD COLUMN strict_order boolean NOT NULL DEFAULT false,
    ADD COLUMN paused       boolean NOT NULL DEFAULT false;

CREATE TABLE limits (
    name        text             PRIMARY KEY,
    kind        text             NOT NULL,
    "limit"     integer          NOT NULL,
    period_s    double precision NOT NULL,
    burst       integer,
    key         text,
    max_waiting integer,
    types       text[]           NOT NULL DEFAULT '{}',
    updated_at  timestamptz      NOT NULL DEFAULT now()
);

COMMENT ON TABLE limits IS 'set by operators; one of the same name overrides what handlers declare';
COMMENT ON COLUMN limits.types IS 'limited besides those whose handlers name it';

CREATE TABLE limit_usage (
    name text        NOT NULL,
    key  text        NOT NULL,
    tat  timestamptz NOT NULL,
    PRIMARY KEY (name, key)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);

COMMENT ON COLUMN limit_usage.tat IS 'theoretical arrival time of the generic cell rate algorithm';

CREATE TABLE queues (
    name       text        PRIMARY KEY,
    managed    boolean,
    paused     boolean     NOT NULL DEFAULT false,
    fair_by    text,
    weights    jsonb       NOT NULL DEFAULT '{}',
    updated_at timestamptz NOT NULL DEFAULT now()
);

COMMENT ON COLUMN queues.managed IS 'NULL: as JOBSTREAM_MANAGED_QUEUES says';
COMMENT ON COLUMN queues.fair_by IS 'path into the payload that tells tenants apart';

CREATE TABLE flow (
    one     boolean  PRIMARY KEY DEFAULT true CHECK (one),
    version bigint   NOT NULL,
    relane  text[]   NOT NULL DEFAULT '{}'
);

COMMENT ON COLUMN flow.version IS 'grows with every change of what decides on gates';
COMMENT ON COLUMN flow.relane IS 'types whose waiting jobs the leader has to put in other lanes; *: all';

INSERT INTO flow (version) VALUES (1)
