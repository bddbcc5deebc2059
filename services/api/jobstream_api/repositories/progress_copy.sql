INSERT INTO consumer_offsets AS o (consumer, topic, partition, next_offset, metadata)
SELECT $1, g.topic, g.partition, g.next_offset, g.metadata
FROM unnest($2::text[], $3::int[], $4::bigint[], $5::text[]) AS g (topic, partition, next_offset, metadata)
ON CONFLICT (consumer, topic, partition, after_offset) DO UPDATE
SET next_offset = excluded.next_offset, metadata = excluded.metadata, updated_at = now()
WHERE o.next_offset <> excluded.next_offset OR o.metadata IS DISTINCT FROM excluded.metadata
