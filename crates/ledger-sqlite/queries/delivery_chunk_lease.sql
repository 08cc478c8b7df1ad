UPDATE delivery_chunk SET lease_sender = ?4, lease_epoch = lease_epoch + 1, lease_until = ?5
WHERE tenant_id = ?1 AND release_id = ?2 AND chunk_no = ?3
