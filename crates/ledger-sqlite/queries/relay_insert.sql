INSERT INTO relay (tenant_id, relay_id, host, port, security, user_name, kind, created_at)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
