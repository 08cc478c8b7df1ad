SELECT DISTINCT tenant_id FROM delivery_chunk WHERE lease_sender = $1 ORDER BY tenant_id
