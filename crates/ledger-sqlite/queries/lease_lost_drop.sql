DELETE FROM lease_lost WHERE tenant_id = ?1 AND release_id = ?2 AND chunk_no = ?3 AND sender_epoch = ?4
