SELECT a.place
FROM unnest($1::uuid[], $2::text[], $3::text[]) WITH ORDINALITY AS a (id, type, payload, place)
JOIN jobs AS j ON j.id = a.id
WHERE j.type <> a.type OR j.payload <> a.payload::jsonb
