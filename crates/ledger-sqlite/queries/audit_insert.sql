INSERT INTO audit (tenant_id, audit_no, at, actor, action, object, detail, chain) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
