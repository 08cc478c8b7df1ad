SELECT tenant_id, relay_id, credential_version, fingerprint, created_at FROM credential
WHERE tenant_id = ?1 AND relay_id = ?2 AND fingerprint = ?3
