INSERT INTO delivery_chunk (tenant_id, release_id, chunk_no, first_intent, last_intent, due_at, lease_epoch)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0)
