SELECT count(*) FILTER (WHERE lease_sender IS NULL AND due_at <= ?3),
    count(*) FILTER (WHERE lease_sender IS NOT NULL),
    min(due_at) FILTER (WHERE lease_sender IS NULL AND due_at > ?3)
FROM delivery_chunk WHERE tenant_id = ?1 AND release_id = ?2
