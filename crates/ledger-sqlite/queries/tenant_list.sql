SELECT tenant_id, name, created_at FROM tenant ORDER BY name
