UPDATE delivery_chunk c SET lease_sender = NULL, lease_until = NULL, due_at = n.due_at
FROM unnest($2::bigint[], $3::bigint[], $4::bigint[]) AS n (release_id, chunk_no, due_at)
WHERE c.tenant_id = $1 AND c.release_id = n.release_id AND c.chunk_no = n.chunk_no
