SELECT chunk_no, first_intent, last_intent, due_at, lease_sender, lease_epoch, sealed_digest, accounted, accounted_digest,
    open_intents
FROM delivery_chunk WHERE tenant_id = ?1 AND release_id = ?2 ORDER BY chunk_no
