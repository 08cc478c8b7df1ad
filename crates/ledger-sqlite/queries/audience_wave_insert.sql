INSERT INTO audience_wave (tenant_id, release_id, wave, first_intent) VALUES (?1, ?2, ?3, ?4)
