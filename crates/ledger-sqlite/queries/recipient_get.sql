SELECT address FROM recipient WHERE tenant_id = ?1 AND release_id = ?2 AND intent_no = ?3
