-- Chunks of all tenants that are done although not all in them is accounted for.
SELECT tenant_id, release_id, chunk_no, first_intent, last_intent, due_at, lease_sender, lease_epoch FROM delivery_chunk
WHERE due_at IS NULL
    AND (accounted_digest IS NULL OR accounted_digest <> sealed_digest OR accounted <> last_intent - first_intent + 1)
ORDER BY tenant_id, release_id, chunk_no LIMIT ?1
