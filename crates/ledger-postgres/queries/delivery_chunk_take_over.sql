-- Leases that ended, and those of earlier runs of the taker's own node. One that is renewed just now is waited for, and
-- is then none of them.
WITH gone AS MATERIALIZED (
    SELECT release_id, chunk_no, lease_sender FROM delivery_chunk
    WHERE tenant_id = $1 AND lease_sender <> $2 AND (lease_until <= $3 OR EXISTS (
        SELECT 1 FROM sender s WHERE s.sender_epoch = lease_sender AND s.node_id = $5 AND s.sender_epoch < $2))
    ORDER BY release_id, chunk_no FOR UPDATE)
UPDATE delivery_chunk c SET lease_sender = $2, lease_epoch = c.lease_epoch + 1, lease_until = $4 FROM gone
WHERE c.tenant_id = $1 AND c.release_id = gone.release_id AND c.chunk_no = gone.chunk_no
RETURNING c.release_id, c.chunk_no, c.first_intent, c.last_intent, c.due_at, c.lease_sender, c.lease_epoch,
    gone.lease_sender AS taken_from
