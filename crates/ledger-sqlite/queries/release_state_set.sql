UPDATE release_state SET state = ?3, changed_at = ?4 WHERE tenant_id = ?1 AND release_id = ?2
