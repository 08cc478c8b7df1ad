SELECT l.tenant_id, l.release_id, l.sender_epoch,
    c.chunk_no, c.first_intent, c.last_intent, c.due_at, c.lease_sender, c.lease_epoch
FROM lease_lost l
JOIN sender s ON s.sender_epoch = l.sender_epoch
JOIN delivery_chunk c ON c.tenant_id = l.tenant_id AND c.release_id = l.release_id AND c.chunk_no = l.chunk_no
WHERE s.node_id = ?1 AND l.sender_epoch < ?2 ORDER BY l.tenant_id, l.release_id, l.chunk_no, l.sender_epoch
