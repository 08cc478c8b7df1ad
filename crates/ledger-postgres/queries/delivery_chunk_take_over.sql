-- Leases of earlier senders that ended, and those of earlier runs of the same node, which are dead: one process at a
-- time owns a node's folder. One that is renewed just now is waited for, and is then none of them.
WITH ended AS MATERIALIZED (
    SELECT release_id, chunk_no FROM delivery_chunk
    WHERE tenant_id = $1 AND lease_sender < $2 AND (lease_until <= $3 OR lease_sender IN (
        SELECT other.sender_epoch FROM sender own JOIN sender other ON other.node_id = own.node_id
        WHERE own.sender_epoch = $2))
    ORDER BY release_id, chunk_no FOR UPDATE)
UPDATE delivery_chunk c SET lease_sender = $2, lease_epoch = c.lease_epoch + 1, lease_until = $3 FROM ended
WHERE c.tenant_id = $1 AND c.release_id = ended.release_id AND c.chunk_no = ended.chunk_no
RETURNING c.release_id, c.chunk_no, c.first_intent, c.last_intent, c.due_at, c.lease_sender, c.lease_epoch
