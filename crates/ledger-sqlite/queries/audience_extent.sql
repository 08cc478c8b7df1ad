-- One seek, however many waves a stream has.
SELECT coalesce(max(wave), 0), coalesce(max(last_intent), 0) FROM (
    SELECT wave, last_intent FROM audience_wave
    WHERE tenant_id = ?1 AND release_id = ?2 AND last_intent IS NOT NULL ORDER BY wave DESC LIMIT 1) AS highest
