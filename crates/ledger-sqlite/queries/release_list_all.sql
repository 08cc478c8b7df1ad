SELECT tenant_id, release_id FROM release ORDER BY tenant_id, release_id
