-- Who adds to a tenant's log waits for whoever does so just now. No row can be locked for it: none may be changed.
SELECT pg_advisory_xact_lock(hashtextextended(current_schema() || ': audit of tenant_id ' || $1::bigint, 0))
