INSERT INTO release_route (tenant_id, release_id, credential_version, sealed, changed_at) VALUES (?1, ?2, ?3, ?4, ?5)
ON CONFLICT (tenant_id, release_id) DO UPDATE
SET credential_version = excluded.credential_version, sealed = excluded.sealed, changed_at = excluded.changed_at
