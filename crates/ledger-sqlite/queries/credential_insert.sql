INSERT INTO credential (tenant_id, relay_id, credential_version, fingerprint, created_at)
SELECT ?1, ?2, coalesce(max(credential_version), 0) + 1, ?3, ?4 FROM credential
WHERE tenant_id = ?1 AND relay_id = ?2
