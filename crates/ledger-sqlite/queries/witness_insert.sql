INSERT INTO witness (tenant_id, release_id, intent_no, attempt_no, source, event_id, accepted, payload_digest, at, sender_epoch,
    link_no)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
ON CONFLICT DO NOTHING
