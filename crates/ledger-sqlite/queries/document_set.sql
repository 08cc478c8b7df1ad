UPDATE document SET version = ?4 + 1, body = ?5, changed_at = ?6
WHERE tenant_id = ?1 AND kind = ?2 AND document_id = ?3 AND version = ?4
