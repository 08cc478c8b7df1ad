SELECT chunk_no, first_intent, last_intent, due_at, lease_sender, lease_epoch FROM delivery_chunk
WHERE tenant_id = ?1 AND release_id = ?2 AND first_intent <= ?3 ORDER BY first_intent DESC LIMIT 1
