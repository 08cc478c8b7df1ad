INSERT INTO outcome (tenant_id, release_id, intent_no, attempt_no, verdict, phase, code, enhanced, reply_digest, at,
    sender_epoch, link_no)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
ON CONFLICT (tenant_id, release_id, intent_no, attempt_no, verdict) DO NOTHING
