SELECT
    (SELECT extract(epoch FROM min(dispatch_at) - now())::float8 FROM jobs WHERE dispatch_at < 'infinity') AS due_s,
    EXISTS (SELECT 1 FROM jobs WHERE dispatch_at = 'infinity') AS at_gates,
    version,
    relane
FROM flow
