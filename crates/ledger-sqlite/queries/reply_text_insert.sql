INSERT INTO reply_text (tenant_id, release_id, intent_no, attempt_no, verdict, text)
VALUES (?1, ?2, ?3, ?4, ?5, ?6)
ON CONFLICT (tenant_id, release_id, intent_no, attempt_no, verdict) DO NOTHING
