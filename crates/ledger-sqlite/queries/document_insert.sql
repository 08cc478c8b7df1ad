INSERT INTO document (tenant_id, kind, document_id, version, body, changed_at) VALUES (?1, ?2, ?3, 1, ?4, ?5)
ON CONFLICT (tenant_id, kind, document_id) DO NOTHING
