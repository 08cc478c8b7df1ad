INSERT INTO delivery_chunk (tenant_id, release_id, chunk_no, first_intent, last_intent, due_at, lease_epoch,
    sealed_digest, accounted, accounted_digest)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0, ?7, ?8, ?9)
