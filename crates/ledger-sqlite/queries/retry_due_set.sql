INSERT INTO retry_due (tenant_id, release_id, intent_no, due_at) VALUES (?1, ?2, ?3, ?4)
ON CONFLICT (tenant_id, release_id, intent_no) DO UPDATE SET due_at = excluded.due_at
