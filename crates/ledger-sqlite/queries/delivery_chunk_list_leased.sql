SELECT tenant_id, release_id, chunk_no, first_intent, last_intent, due_at, lease_sender, lease_epoch FROM delivery_chunk
WHERE lease_sender IS NOT NULL ORDER BY tenant_id, lease_sender, release_id, chunk_no
