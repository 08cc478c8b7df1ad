SELECT coalesce(max(wave), 0), coalesce(max(last_intent), 0) FROM audience_wave
WHERE tenant_id = ?1 AND release_id = ?2 AND last_intent IS NOT NULL
