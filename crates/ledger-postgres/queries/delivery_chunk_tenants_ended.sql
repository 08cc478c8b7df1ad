SELECT DISTINCT c.tenant_id FROM delivery_chunk c JOIN sender s ON s.sender_epoch = c.lease_sender
WHERE c.lease_sender <> $1 AND (c.lease_until <= $2 OR (s.node_id = $3 AND s.sender_epoch < $1)) ORDER BY c.tenant_id
