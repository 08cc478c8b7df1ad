SELECT release_id, chunk_no, first_intent, last_intent, due_at, lease_sender, lease_epoch FROM delivery_chunk
WHERE tenant_id = $1 AND lease_sender = $2 ORDER BY release_id, chunk_no FOR UPDATE
