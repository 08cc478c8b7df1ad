INSERT INTO delivery_chunk (tenant_id, release_id, chunk_no, first_intent, last_intent, due_at, lease_epoch,
    sealed_digest, accounted, accounted_digest)
SELECT $1, $2, n.chunk_no, n.first_intent, n.last_intent, n.due_at, 0, n.sealed_digest, n.accounted, n.accounted_digest
FROM unnest($3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bytea[], $8::bigint[], $9::bytea[])
    AS n (chunk_no, first_intent, last_intent, due_at, sealed_digest, accounted, accounted_digest)
