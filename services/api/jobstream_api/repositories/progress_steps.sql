-- Whoever takes the last step's row away makes the next one. See after_offset for why none is updated.
-- Each row is looked up by its whole key and taken by its place: joined, a plan may go through all rows of a
-- consumer, the dead ones too.
WITH given AS (
    SELECT *
    FROM unnest($2::text[], $3::int[], $4::bigint[], $5::bigint[], $6::bigint[])
        AS g (topic, partition, after_offset, expected, next_offset)
), found AS MATERIALIZED (
    SELECT (
        SELECT o.ctid
        FROM consumer_offsets AS o
        WHERE o.consumer = $1 AND o.topic = g.topic AND o.partition = g.partition
          AND o.after_offset = g.after_offset AND o.next_offset = g.expected
    ) AS place
    FROM given AS g
), left_behind AS (
    DELETE FROM consumer_offsets
    WHERE ctid = ANY(ARRAY(SELECT place FROM found WHERE place IS NOT NULL))
    RETURNING topic, partition
), moved AS (
    INSERT INTO consumer_offsets (consumer, topic, partition, after_offset, next_offset)
    SELECT $1, topic, partition, g.expected, g.next_offset
    FROM given AS g
    JOIN left_behind USING (topic, partition)
    UNION ALL
    SELECT $1, g.topic, g.partition, -1, g.next_offset
    FROM given AS g
    WHERE g.expected IS NULL
      AND NOT EXISTS (
          SELECT 1 FROM consumer_offsets AS o
          WHERE o.consumer = $1 AND o.topic = g.topic AND o.partition = g.partition
      )
    ON CONFLICT DO NOTHING
    RETURNING 1
)
