UPDATE delivery_chunk SET lease_until = ?3 WHERE tenant_id = ?1 AND lease_sender = ?2
RETURNING release_id, chunk_no, lease_epoch
