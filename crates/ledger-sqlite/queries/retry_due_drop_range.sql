DELETE FROM retry_due WHERE tenant_id = ?1 AND release_id = ?2 AND intent_no BETWEEN ?3 AND ?4
