SELECT first_intent, last_intent, digest FROM audience_wave WHERE tenant_id = ?1 AND release_id = ?2 AND wave = ?3
