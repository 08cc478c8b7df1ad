INSERT INTO lease_lost (tenant_id, release_id, chunk_no, sender_epoch) VALUES (?1, ?2, ?3, ?4)
ON CONFLICT (tenant_id, release_id, chunk_no, sender_epoch) DO NOTHING
