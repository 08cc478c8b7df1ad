INSERT INTO release (tenant_id, release_id, relay_id, name, content_digest, lane, created_at)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
