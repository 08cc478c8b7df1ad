SELECT intent_no, attempt_no FROM witness WHERE tenant_id = ?1 AND release_id = ?2 AND intent_no BETWEEN ?3 AND ?4 AND accepted = 1 ORDER BY intent_no
