UPDATE delivery_chunk c SET due_at = n.due_at
FROM unnest($2::bigint[], $3::bigint[], $4::bigint[]) AS n (release_id, chunk_no, due_at)
WHERE c.tenant_id = $1 AND c.release_id = n.release_id AND c.chunk_no = n.chunk_no AND c.lease_sender IS NULL
    AND (c.due_at IS NULL OR c.due_at > n.due_at)
