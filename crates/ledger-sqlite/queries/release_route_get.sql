SELECT credential_version, sealed, changed_at FROM release_route WHERE tenant_id = ?1 AND release_id = ?2
