-- Leases of earlier senders that ended; one that is renewed just now is waited for, and is then none of them.
WITH ended AS MATERIALIZED (
    SELECT release_id, chunk_no FROM delivery_chunk
    WHERE tenant_id = $1 AND lease_sender < $2 AND lease_until <= $3
    ORDER BY release_id, chunk_no FOR UPDATE)
UPDATE delivery_chunk c SET lease_sender = $2, lease_epoch = c.lease_epoch + 1, lease_until = $3 FROM ended
WHERE c.tenant_id = $1 AND c.release_id = ended.release_id AND c.chunk_no = ended.chunk_no
RETURNING c.release_id, c.chunk_no, c.first_intent, c.last_intent, c.due_at, c.lease_sender, c.lease_epoch
