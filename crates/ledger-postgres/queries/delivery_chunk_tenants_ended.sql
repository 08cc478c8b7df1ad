SELECT DISTINCT tenant_id FROM delivery_chunk WHERE lease_sender < $1 AND lease_until <= $2 ORDER BY tenant_id
