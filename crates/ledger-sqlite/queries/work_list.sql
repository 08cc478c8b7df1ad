SELECT c.tenant_id, c.release_id, r.credential_version
FROM (SELECT DISTINCT tenant_id, release_id FROM delivery_chunk WHERE due_at IS NOT NULL) c
JOIN release_state s ON s.tenant_id = c.tenant_id AND s.release_id = c.release_id AND s.state IN (2, 4)
LEFT JOIN release_route r ON r.tenant_id = c.tenant_id AND r.release_id = c.release_id
ORDER BY c.tenant_id, c.release_id
