WITH due AS MATERIALIZED (
    SELECT chunk_no FROM delivery_chunk
    WHERE tenant_id = $1 AND release_id = $2 AND due_at IS NOT NULL AND due_at <= $3 AND lease_sender IS NULL
    ORDER BY due_at, chunk_no LIMIT $6 FOR UPDATE SKIP LOCKED)
UPDATE delivery_chunk c SET lease_sender = $4, lease_epoch = c.lease_epoch + 1, lease_until = $5 FROM due
WHERE c.tenant_id = $1 AND c.release_id = $2 AND c.chunk_no = due.chunk_no
RETURNING c.release_id, c.chunk_no, c.first_intent, c.last_intent, c.due_at, c.lease_sender, c.lease_epoch
