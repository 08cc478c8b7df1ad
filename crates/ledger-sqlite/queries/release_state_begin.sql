UPDATE release_state SET state = 2, changed_at = ?3 WHERE tenant_id = ?1 AND release_id = ?2 AND state = 1
