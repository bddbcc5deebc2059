-- What a step of priority is worth, seconds, by which jobs that wait are ranked. The leader keeps it as it is set.
ALTER TABLE flow ADD COLUMN priority_step_s double precision NOT NULL DEFAULT 400 CHECK (priority_step_s > 0);
