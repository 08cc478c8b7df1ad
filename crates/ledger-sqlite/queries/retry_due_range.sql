SELECT intent_no, due_at FROM retry_due WHERE tenant_id = ?1 AND release_id = ?2 AND intent_no BETWEEN ?3 AND ?4 ORDER BY intent_no
