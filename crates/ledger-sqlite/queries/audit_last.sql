SELECT audit_no, chain FROM audit WHERE tenant_id = ?1 ORDER BY audit_no DESC LIMIT 1
