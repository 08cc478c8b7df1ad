SELECT intent_no FROM intent WHERE tenant_id = ?1 AND release_id = ?2 AND intent_no BETWEEN ?3 AND ?4 AND suppression <> 0 ORDER BY intent_no
