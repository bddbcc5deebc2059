WITH given AS (
    SELECT *
    FROM unnest($2::text[], $3::int[], $4::bigint[], $5::bigint[]) AS g (topic, partition, expected, next_offset)
), moved AS (
    UPDATE consumer_offsets AS o
    SET next_offset = g.next_offset, updated_at = now()
    FROM given AS g
    WHERE o.consumer = $1 AND o.topic = g.topic AND o.partition = g.partition AND o.next_offset = g.expected
    RETURNING 1
), begun AS (
    INSERT INTO consumer_offsets (consumer, topic, partition, next_offset)
    SELECT $1, g.topic, g.partition, g.next_offset FROM given AS g WHERE g.expected IS NULL
    ON CONFLICT DO NOTHING
    RETURNING 1
)
SELECT (SELECT count(*) FROM moved) + (SELECT count(*) FROM begun)
