UPDATE release_state SET policy = ?3, retry_initial_ms = ?4, deadline_at = ?5 WHERE tenant_id = ?1 AND release_id = ?2
