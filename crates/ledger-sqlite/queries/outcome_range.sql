SELECT intent_no, attempt_no, verdict FROM outcome WHERE tenant_id = ?1 AND release_id = ?2 AND intent_no BETWEEN ?3 AND ?4 ORDER BY intent_no, attempt_no, verdict
