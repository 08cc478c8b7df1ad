UPDATE delivery_chunk SET due_at = ?4
WHERE tenant_id = ?1 AND release_id = ?2 AND chunk_no = ?3 AND lease_sender IS NULL AND (due_at IS NULL OR due_at > ?4)
