INSERT INTO relay_share (tenant_id, relay_id, sender_epoch, sessions, wanted, messages, until)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
ON CONFLICT (tenant_id, relay_id, sender_epoch) DO UPDATE
SET sessions = excluded.sessions, wanted = excluded.wanted, messages = excluded.messages, until = excluded.until
