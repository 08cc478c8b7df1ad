SELECT state FROM release_state WHERE tenant_id = $1 AND release_id = $2 FOR UPDATE
