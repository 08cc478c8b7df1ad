SELECT release_id, chunk_no, first_intent, last_intent, due_at, lease_sender, lease_epoch FROM delivery_chunk
WHERE tenant_id = $1 AND release_id = $2 AND due_at IS NOT NULL AND due_at <= $3 AND lease_sender IS NULL
ORDER BY due_at, chunk_no LIMIT $4 FOR UPDATE
