INSERT INTO release_state (tenant_id, release_id, state, changed_at, list_digest, policy, retry_initial_ms,
    deadline_at)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
