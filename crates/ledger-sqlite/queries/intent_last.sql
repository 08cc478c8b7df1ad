SELECT coalesce(max(intent_no), 0) FROM intent WHERE tenant_id = ?1 AND release_id = ?2
