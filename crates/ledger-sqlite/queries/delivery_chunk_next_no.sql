SELECT coalesce(max(chunk_no) + 1, 0) FROM delivery_chunk WHERE tenant_id = ?1 AND release_id = ?2
