UPDATE audience_wave SET last_intent = ?4, digest = ?5, sealed_at = ?6 WHERE tenant_id = ?1 AND release_id = ?2 AND wave = ?3
