SELECT tenant_id, audit_no, at, actor, action, object, detail, chain FROM audit
WHERE tenant_id = ?1 AND audit_no > ?2 ORDER BY audit_no LIMIT ?3
