-- A consumer's next offset is a new row each time, under a key that no row had before: updating one row in
-- place leaves a dead version of it behind, and while a foreign transaction keeps those alive, every look at
-- the row goes through all of them.
ALTER TABLE consumer_offsets
    ADD COLUMN after_offset bigint NOT NULL DEFAULT -1,
    DROP CONSTRAINT consumer_offsets_pkey,
    ADD PRIMARY KEY (consumer, topic, partition, after_offset),
    SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);

COMMENT ON COLUMN consumer_offsets.after_offset IS 'the next offset before this one; the highest row of a partition holds'
