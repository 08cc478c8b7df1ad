SELECT tenant_id, minute, release_id, accepted, deferred, rejected, unknown, cancelled, expired FROM verdict_minute
ORDER BY tenant_id, minute, release_id
