SELECT document_id, version, body, changed_at FROM document
WHERE tenant_id = ?1 AND kind = ?2 AND document_id > ?3 ORDER BY document_id LIMIT ?4
