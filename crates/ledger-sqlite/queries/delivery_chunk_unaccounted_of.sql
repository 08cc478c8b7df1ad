-- A tenant's chunks of which not all is accounted for, by the index over these alone.
SELECT c.tenant_id, c.release_id, c.chunk_no, c.first_intent, c.last_intent, c.due_at, c.lease_sender, c.lease_epoch,
    c.lease_until, c.accounted, c.accounted_digest, s.state, r.created_at, c.open_intents
FROM delivery_chunk c
JOIN release_state s ON s.tenant_id = c.tenant_id AND s.release_id = c.release_id
JOIN release r ON r.tenant_id = c.tenant_id AND r.release_id = c.release_id
WHERE c.tenant_id = ?1
    AND (c.accounted_digest IS NULL OR c.accounted_digest <> c.sealed_digest OR c.accounted <> c.last_intent - c.first_intent + 1)
ORDER BY c.tenant_id, c.release_id, c.chunk_no
