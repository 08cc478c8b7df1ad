SELECT coalesce((SELECT intent_no FROM intent WHERE tenant_id = ?1 AND release_id = ?2 ORDER BY intent_no DESC LIMIT 1), 0)
