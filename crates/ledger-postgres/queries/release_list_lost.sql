-- Releases that small tables name and that do not stand.
SELECT w.tenant_id, w.release_id FROM (
    SELECT tenant_id, release_id FROM release_state
    UNION SELECT tenant_id, release_id FROM audience_wave
    UNION SELECT tenant_id, release_id FROM delivery_chunk
    UNION SELECT tenant_id, release_id FROM counter) w
WHERE NOT EXISTS (SELECT 1 FROM release r WHERE r.tenant_id = w.tenant_id AND r.release_id = w.release_id)
ORDER BY w.tenant_id, w.release_id
