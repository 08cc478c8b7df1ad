SELECT audience, accepted, rejected, suppressed, cancelled, expired, unknown, pending, duplicates FROM counter
WHERE tenant_id = ?1 AND release_id = ?2
