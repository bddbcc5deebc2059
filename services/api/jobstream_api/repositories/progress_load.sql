-- The highest row of each partition, from partition to partition along the index.
WITH RECURSIVE steps AS (
    (SELECT topic, partition, after_offset, next_offset
     FROM consumer_offsets
     WHERE consumer = $1
     ORDER BY topic DESC, partition DESC, after_offset DESC
     LIMIT 1)
    UNION ALL
    SELECT earlier.*
    FROM steps
    CROSS JOIN LATERAL (
        SELECT topic, partition, after_offset, next_offset
        FROM consumer_offsets AS o
        WHERE o.consumer = $1 AND (o.topic, o.partition) < (steps.topic, steps.partition)
        ORDER BY topic DESC, partition DESC, after_offset DESC
        LIMIT 1
    ) AS earlier
)
SELECT topic, partition, after_offset, next_offset FROM steps
