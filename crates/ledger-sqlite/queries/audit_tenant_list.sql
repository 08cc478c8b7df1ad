SELECT DISTINCT tenant_id FROM audit ORDER BY tenant_id
