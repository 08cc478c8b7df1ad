INSERT INTO delivery_chunk (tenant_id, release_id, chunk_no, first_intent, last_intent, due_at, lease_epoch)
SELECT $1, $2, n.chunk_no, n.first_intent, n.last_intent, n.due_at, 0
FROM unnest($3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[]) AS n (chunk_no, first_intent, last_intent, due_at)
