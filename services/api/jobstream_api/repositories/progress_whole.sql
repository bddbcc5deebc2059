SELECT
    -- Nothing else takes a statement back once it has changed something; the text stands in the server's log. The rows
    -- are counted first, as they are read when they are counted: two that meet wait for each other in one order.
    (SELECT
        CASE WHEN (SELECT whole FROM counted) AND (SELECT count(*) FROM moved) = $1 THEN '1'
            ELSE 'jobstream: no harm, some of these rows were changed before'
        END::int
    ) AS fine,
    changed.*
FROM (SELECT) AS once
LEFT JOIN changed ON true
