SELECT p.sender_epoch, s.node_id, p.host, s.started_at, p.seen_at, p.left_at,
    (SELECT count(c.tenant_id) FROM delivery_chunk c WHERE c.lease_sender = p.sender_epoch)
FROM sender_presence p JOIN sender s ON s.sender_epoch = p.sender_epoch
WHERE p.seen_at >= ?1 ORDER BY p.sender_epoch
