SELECT CAST(coalesce(sum(last_intent - first_intent + 1), 0) AS BIGINT) FROM audience_wave
WHERE tenant_id = ?1 AND release_id = ?2 AND last_intent IS NOT NULL
