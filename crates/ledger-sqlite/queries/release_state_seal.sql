-- When a pause began is not forgotten: a list may be extended meanwhile.
UPDATE release_state SET list_digest = ?3, changed_at = CASE state WHEN 1 THEN ?4 ELSE changed_at END,
    state = CASE state WHEN 1 THEN 2 ELSE state END
WHERE tenant_id = ?1 AND release_id = ?2
