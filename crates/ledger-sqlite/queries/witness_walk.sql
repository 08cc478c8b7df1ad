SELECT tenant_id, release_id, intent_no, attempt_no, source, event_id, accepted, payload_digest, at, sender_epoch,
    link_no
FROM witness ORDER BY tenant_id, release_id, intent_no, attempt_no, source, event_id
