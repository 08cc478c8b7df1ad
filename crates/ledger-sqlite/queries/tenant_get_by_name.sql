SELECT tenant_id, name, created_at FROM tenant WHERE name = ?1
