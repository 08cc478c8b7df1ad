SELECT version FROM document WHERE tenant_id = ?1 AND kind = ?2 AND document_id = ?3
