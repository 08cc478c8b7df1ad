SELECT tenant_id, audit_no, at, actor, action, object, detail, chain FROM audit ORDER BY tenant_id, audit_no
