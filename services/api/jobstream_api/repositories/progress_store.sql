-- Whoever takes the last step's row away makes the next one. See after_offset for why none is updated.
WITH given AS (
    SELECT *
    FROM unnest($2::text[], $3::int[], $4::bigint[], $5::bigint[], $6::bigint[])
        AS g (topic, partition, after_offset, expected, next_offset)
), left_behind AS (
    DELETE FROM consumer_offsets AS o
    USING given AS g
    WHERE o.consumer = $1 AND o.topic = g.topic AND o.partition = g.partition
      AND o.after_offset = g.after_offset AND o.next_offset = g.expected
    RETURNING g.topic, g.partition, g.expected, g.next_offset
), moved AS (
    INSERT INTO consumer_offsets (consumer, topic, partition, after_offset, next_offset)
    SELECT $1, topic, partition, expected, next_offset FROM left_behind
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
SELECT count(*) FROM moved
