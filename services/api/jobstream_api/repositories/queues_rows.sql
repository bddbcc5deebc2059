-- Rows of each queue besides those at a gate: held until their time, and run with a lease. $1 of each at most.
SELECT queue, count(*) FILTER (WHERE held) AS held, count(*) FILTER (WHERE NOT held) AS running
FROM (
    (SELECT queue, true AS held FROM jobs WHERE dispatch_at < 'infinity' LIMIT $1::int)
    UNION ALL
    (SELECT queue, false AS held FROM jobs WHERE lease_expires_at IS NOT NULL LIMIT $1::int)
) AS rows
GROUP BY queue
