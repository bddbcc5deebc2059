-- Rows and their records in one statement: a commit is one round trip. A record tells when its job was
-- stored, which only the database knows, so that time is put in front of the rest of the record.
WITH asked AS (
    SELECT *, coalesce(run_at, now() + make_interval(secs => delay_s)) AS due
    FROM unnest(
        $1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::int[], $8::float8[],
        $9::timestamptz[], $10::float8[], $11::smallint[], $12::text[], $13::uuid[], $14::text[], $15::bytea[], $16::bytea[],
        $17::float8[]
    ) AS a (
        id, type, queue, key, payload, tags, max_retries, timeout_s,
        run_at, delay_s, priority, lane, outbox_id, topic, record_key, rest, start_within_s
    )
), made AS (
    INSERT INTO jobs (
        id, type, queue, key, payload, tags, max_retries, timeout_s, run_at, dispatch, dispatched_at, dispatch_at,
        priority, lane, rank_at, seq, start_before
    )
    SELECT
        id, type, queue, key, payload::jsonb,
        CASE WHEN tags IS NULL THEN '{}' ELSE ARRAY(SELECT jsonb_array_elements_text(tags::jsonb)) END,
        max_retries, timeout_s, due,
        CASE WHEN due > now() OR lane IS NOT NULL THEN 0 ELSE 1 END,
        CASE WHEN due > now() OR lane IS NOT NULL THEN NULL ELSE now() END,
        CASE WHEN due > now() THEN due WHEN lane IS NOT NULL THEN 'infinity'::timestamptz END,
        coalesce(priority, 0), lane,
        CASE WHEN lane IS NOT NULL
            THEN greatest(coalesce(due, now()), 'epoch') - make_interval(secs => coalesce(priority, 0) * (SELECT priority_step_s FROM flow))
        END,
        CASE WHEN lane IS NOT NULL THEN nextval('jobs_seq') END,
        greatest(due, now()) + make_interval(secs => start_within_s)
    FROM asked
    RETURNING id, run_at, dispatch_at IS NOT NULL AS held
), sent AS (
    INSERT INTO outbox (id, job_id, topic, key, value, created_at)
    SELECT
        outbox_id, id, topic, record_key,
        -- A query of its own, so that it runs once and not for each row.
        (SELECT convert_to(
            '{"created_at":"' || to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US') || '+00:00",', 'UTF8'
        )) || coalesce(
            convert_to(
                '"start_before":"'
                || to_char((now() + make_interval(secs => start_within_s)) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US')
                || '+00:00",',
                'UTF8'
            ) || rest,
            rest
        ),
        now()
    FROM asked
    WHERE (due IS NULL OR due <= now()) AND lane IS NULL
)
-- One row where all are due at once: most are, and what is the same for all need not be told of each.
SELECT now() AS created_at, made.id, made.run_at, made.held
FROM (SELECT count(*) FROM made) AS every
LEFT JOIN made ON made.run_at IS NOT NULL OR made.held
