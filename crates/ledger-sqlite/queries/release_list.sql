SELECT r.tenant_id, r.release_id, r.relay_id, r.name, r.content_digest, s.list_digest, r.lane, s.policy,
    s.retry_initial_ms, s.deadline_at, r.created_at, s.state
FROM release r JOIN release_state s ON s.tenant_id = r.tenant_id AND s.release_id = r.release_id
WHERE r.tenant_id = ?1 ORDER BY r.created_at DESC, r.release_id DESC
