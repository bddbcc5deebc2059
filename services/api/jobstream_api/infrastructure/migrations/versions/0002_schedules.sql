-- Schedules, and what became of their ticks. The primary key of schedule_fires is what makes a tick
-- one job, however many leaders there are.

CREATE TABLE schedules (
    id              uuid             PRIMARY KEY,
    name            text             NOT NULL CONSTRAINT schedules_name UNIQUE,
    cron            text             NOT NULL,
    timezone        text             NOT NULL,
    job             jsonb            NOT NULL,
    overlap         text             NOT NULL,
    missed          text             NOT NULL,
    missed_window_s double precision NOT NULL,
    paused          boolean          NOT NULL,
    anchor_at       timestamptz      NOT NULL,
    next_at         timestamptz,
    created_at      timestamptz      NOT NULL DEFAULT now(),
    updated_at      timestamptz      NOT NULL DEFAULT now()
);

COMMENT ON COLUMN schedules.job IS 'the job of each tick, as POST /jobs takes it';
COMMENT ON COLUMN schedules.anchor_at IS '@every counts from here';
COMMENT ON COLUMN schedules.next_at IS 'the earliest tick not looked at yet; NULL: paused, or none comes any more';

CREATE INDEX schedules_due ON schedules (next_at) WHERE next_at IS NOT NULL;
CREATE INDEX schedules_created ON schedules (created_at DESC, id DESC);

CREATE TABLE schedule_fires (
    schedule_id uuid        NOT NULL REFERENCES schedules ON DELETE CASCADE,
    tick        timestamptz NOT NULL,
    origin      text        NOT NULL,
    status      text        NOT NULL,
    reason      text,
    job_id      uuid,
    open        boolean     NOT NULL DEFAULT false,
    at          timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (schedule_id, tick)
);

COMMENT ON COLUMN schedule_fires.open IS 'its job was under way when it was last looked at';
COMMENT ON COLUMN schedule_fires.at IS 'when it got this status';

CREATE INDEX schedule_fires_open ON schedule_fires (schedule_id, tick) WHERE open;
CREATE INDEX schedule_fires_waiting ON schedule_fires (schedule_id, tick) WHERE status = 'waiting';
CREATE INDEX schedule_fires_age ON schedule_fires (at)
