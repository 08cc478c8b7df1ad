SELECT session_id, opened_at, relay_id FROM attempt WHERE tenant_id = ?1 AND release_id = ?2 AND intent_no = ?3 AND attempt_no = ?4
