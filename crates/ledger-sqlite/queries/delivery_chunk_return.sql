UPDATE delivery_chunk SET lease_sender = NULL, lease_until = NULL, due_at = ?4,
    sealed_digest = coalesce(sealed_digest, ?5), accounted = ?6, accounted_digest = ?7, open_intents = ?8
WHERE tenant_id = ?1 AND release_id = ?2 AND chunk_no = ?3
