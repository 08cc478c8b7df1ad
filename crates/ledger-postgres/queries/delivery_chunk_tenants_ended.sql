SELECT DISTINCT tenant_id FROM delivery_chunk
WHERE lease_sender < $1 AND (lease_until <= $2 OR lease_sender IN (
    SELECT other.sender_epoch FROM sender own JOIN sender other ON other.node_id = own.node_id
    WHERE own.sender_epoch = $1))
ORDER BY tenant_id
