UPDATE delivery_chunk SET sealed_digest = coalesce(sealed_digest, ?4), accounted = ?5, accounted_digest = ?6,
    open_intents = ?7
WHERE tenant_id = ?1 AND release_id = ?2 AND chunk_no = ?3 AND lease_sender IS NULL
