SELECT tenant_id, relay_id, host, port, security, user_name, kind, created_at FROM relay
WHERE tenant_id = ?1 AND host = ?2 AND port = ?3 AND security = ?4 AND user_name = ?5
