-- Locked in the order of their keys, as commits lock them.
WITH held AS MATERIALIZED (
    SELECT release_id, chunk_no FROM delivery_chunk
    WHERE tenant_id = $1 AND lease_sender = $2 ORDER BY release_id, chunk_no FOR UPDATE)
UPDATE delivery_chunk c SET lease_until = $3 FROM held
WHERE c.tenant_id = $1 AND c.release_id = held.release_id AND c.chunk_no = held.chunk_no
RETURNING c.release_id, c.chunk_no, c.lease_epoch
