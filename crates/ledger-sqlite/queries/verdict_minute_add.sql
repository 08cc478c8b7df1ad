INSERT INTO verdict_minute (tenant_id, minute, release_id, accepted, deferred, rejected, unknown, cancelled, expired)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
ON CONFLICT (tenant_id, minute, release_id) DO UPDATE SET accepted = verdict_minute.accepted + excluded.accepted,
    deferred = verdict_minute.deferred + excluded.deferred, rejected = verdict_minute.rejected + excluded.rejected,
    unknown = verdict_minute.unknown + excluded.unknown, cancelled = verdict_minute.cancelled + excluded.cancelled,
    expired = verdict_minute.expired + excluded.expired
