-- A route that was given within the last minute is shown to whoever sends the release already.
SELECT DISTINCT c.tenant_id, c.release_id, r.credential_version
FROM delivery_chunk c
JOIN release_state s ON s.tenant_id = c.tenant_id AND s.release_id = c.release_id
LEFT JOIN release_route r ON r.tenant_id = c.tenant_id AND r.release_id = c.release_id
WHERE c.due_at IS NOT NULL AND (s.state = 4 OR (s.state = 2
    AND (s.deadline_at <= ?1 OR r.changed_at >= ?1 - 60000 OR (c.lease_sender IS NULL AND c.due_at <= ?1))))
ORDER BY c.tenant_id, c.release_id
