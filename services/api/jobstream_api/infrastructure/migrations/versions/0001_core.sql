-- The core tables. Ids are UUIDv7, so a range of ids is a range of time.
--
-- No index names jobs.status or any column that the way PENDING -> COMPLETED writes: those updates
-- stay HOT. What must be found by state has a column of its own that is NULL on the common way
-- (dispatch_at, lease_expires_at, watch_at) and a partial index on it.

CREATE TABLE jobs (
    id               uuid        NOT NULL,
    type             text        NOT NULL,
    queue            text        NOT NULL,
    key              text,
    payload          jsonb       NOT NULL,
    tags             text[]      NOT NULL DEFAULT '{}',
    max_retries      integer,
    timeout_s        double precision,
    run_at           timestamptz,
    created_at       timestamptz NOT NULL DEFAULT now(),
    direct           boolean     NOT NULL DEFAULT false,
    status           text        NOT NULL DEFAULT 'PENDING',
    attempt          integer     NOT NULL DEFAULT 1,
    dispatch         integer     NOT NULL DEFAULT 1,
    rank             smallint    NOT NULL DEFAULT 0,
    dispatched_at    timestamptz,
    dispatch_at      timestamptz,
    watch_at         timestamptz,
    lease_expires_at timestamptz,
    lease_s          double precision,
    run_id           uuid,
    worker           text,
    started_at       timestamptz,
    finished_at      timestamptz,
    progress         real,
    progress_text    text,
    result           jsonb,
    last_error       text,
    errors           jsonb       NOT NULL DEFAULT '[]',
    PRIMARY KEY (id)
) PARTITION BY RANGE (id);

COMMENT ON COLUMN jobs.dispatch IS 'how often the api handed the job to Kafka for a new execution';
COMMENT ON COLUMN jobs.rank IS 'within (attempt, dispatch): 0 pending, 1 running, 2 outcome';
COMMENT ON COLUMN jobs.dispatch_at IS 'held until then, for the dispatcher; NULL: not held';
COMMENT ON COLUMN jobs.watch_at IS 'when a later dispatch went to Kafka; NULL: first dispatch, or over';

CREATE INDEX jobs_created ON jobs (created_at DESC, id DESC);
CREATE INDEX jobs_held ON jobs (dispatch_at) WHERE dispatch_at IS NOT NULL;
CREATE INDEX jobs_leased ON jobs (lease_expires_at) WHERE lease_expires_at IS NOT NULL;
CREATE INDEX jobs_watched ON jobs (watch_at) WHERE watch_at IS NOT NULL;
CREATE INDEX jobs_keyed ON jobs (key, created_at DESC) WHERE key IS NOT NULL;
CREATE INDEX jobs_tagged ON jobs USING gin (tags) WHERE tags <> '{}';

CREATE TABLE jobs_default PARTITION OF jobs DEFAULT WITH (fillfactor = 45);

CREATE TABLE outbox (
    id         uuid        PRIMARY KEY,
    job_id     uuid,
    topic      text        NOT NULL,
    key        bytea,
    headers    jsonb,
    value      bytea,
    created_at timestamptz NOT NULL DEFAULT now(),
    failures   integer     NOT NULL DEFAULT 0
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);

COMMENT ON COLUMN outbox.headers IS 'array of [name, value]; NULL: those of a job record, made from job_id and created_at';

CREATE TABLE consumer_offsets (
    consumer    text        NOT NULL,
    topic       text        NOT NULL,
    partition   integer     NOT NULL,
    next_offset bigint      NOT NULL,
    metadata    text,
    updated_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (consumer, topic, partition)
) WITH (fillfactor = 50);

CREATE TABLE idempotency_keys (
    scope        text        NOT NULL,
    key          text        NOT NULL,
    request_hash bytea       NOT NULL,
    job_ids      uuid[]      NOT NULL,
    refusals     jsonb,
    created_at   timestamptz NOT NULL DEFAULT now(),
    expires_at   timestamptz NOT NULL,
    PRIMARY KEY (scope, key)
);
CREATE INDEX idempotency_keys_expiry ON idempotency_keys (expires_at);

CREATE TABLE dead_letters (
    id          uuid        PRIMARY KEY,
    topic       text        NOT NULL,
    partition   integer     NOT NULL,
    "offset"    bigint      NOT NULL,
    reason      text        NOT NULL,
    field       text,
    detail      text        NOT NULL,
    key         bytea,
    value       bytea,
    headers     jsonb       NOT NULL DEFAULT '[]',
    job_id      uuid,
    record_at   timestamptz,
    created_at  timestamptz NOT NULL DEFAULT now(),
    redriven_at timestamptz,
    UNIQUE (topic, partition, "offset")
);

CREATE TABLE job_types (
    type             text             PRIMARY KEY,
    payload_schema   jsonb,
    description      text,
    max_retries      integer          NOT NULL,
    timeout_s        double precision,
    run_in           text             NOT NULL,
    backoff_base_s   double precision NOT NULL,
    backoff_factor   double precision NOT NULL,
    backoff_cap_s    double precision NOT NULL,
    announced_at     timestamptz      NOT NULL
);

CREATE TABLE workers (
    id           text        PRIMARY KEY,
    host         text        NOT NULL,
    pid          integer     NOT NULL,
    version      text        NOT NULL,
    started_at   timestamptz NOT NULL,
    said_at      timestamptz NOT NULL,
    last_seen_at timestamptz NOT NULL DEFAULT now(),
    stopped_at   timestamptz,
    concurrency  integer     NOT NULL,
    running      integer     NOT NULL,
    types        text[]      NOT NULL,
    partitions   jsonb       NOT NULL,
    metrics_url  text
) WITH (fillfactor = 50);

COMMENT ON COLUMN workers.said_at IS 'by the worker''s clock, to tell a newer word from an older';

CREATE TABLE leader (
    name          text        PRIMARY KEY,
    holder        text        NOT NULL,
    term          bigint      NOT NULL,
    expires_at    timestamptz NOT NULL,
    pending_floor timestamptz
) WITH (fillfactor = 50);

COMMENT ON COLUMN leader.pending_floor IS 'no job created before this waits for its first run; the reaper looks from here';

CREATE TABLE job_events (
    id      bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    job_id  uuid        NOT NULL,
    at      timestamptz NOT NULL DEFAULT now(),
    kind    text        NOT NULL,
    attempt integer     NOT NULL,
    detail  jsonb       NOT NULL DEFAULT '{}'
);
CREATE INDEX job_events_job ON job_events (job_id, id);
