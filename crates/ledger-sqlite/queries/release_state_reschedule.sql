UPDATE release_state
SET policy = ?3,
    retry_initial_ms = ?4,
    deadline_at = ?5,
    changed_at = CASE WHEN state = 3 THEN ?6 ELSE changed_at END
WHERE tenant_id = ?1 AND release_id = ?2
