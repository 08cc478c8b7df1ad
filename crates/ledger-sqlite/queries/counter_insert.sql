INSERT INTO counter (tenant_id, release_id, audience, accepted, rejected, suppressed, cancelled, expired, unknown,
    pending, duplicates)
VALUES (?1, ?2, 0, 0, 0, 0, 0, 0, 0, 0, 0)
