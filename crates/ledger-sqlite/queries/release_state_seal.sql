UPDATE release_state SET list_digest = ?3, changed_at = ?4, state = CASE state WHEN 1 THEN 2 ELSE state END
WHERE tenant_id = ?1 AND release_id = ?2
