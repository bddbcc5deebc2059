INSERT INTO leader AS l (name, holder, term, expires_at)
VALUES ($1, $2, 1, now() + $3)
ON CONFLICT (name) DO UPDATE
SET holder     = excluded.holder,
    term       = CASE WHEN l.holder = excluded.holder THEN l.term ELSE l.term + 1 END,
    expires_at = excluded.expires_at
WHERE l.holder = excluded.holder OR l.expires_at < now()
RETURNING term
