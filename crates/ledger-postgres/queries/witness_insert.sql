INSERT INTO witness (tenant_id, release_id, intent_no, attempt_no, source, event_id, accepted, payload_digest, at, sender_epoch,
    link_no)
SELECT $1, n.release_id, n.intent_no, n.attempt_no, n.source, n.event_id, n.accepted, n.payload_digest, n.at, $2, $3
FROM unnest($4::bigint[], $5::bigint[], $6::bigint[], $7::text[], $8::text[], $9::bigint[], $10::bytea[], $11::bigint[])
    AS n (release_id, intent_no, attempt_no, source, event_id, accepted, payload_digest, at)
ON CONFLICT DO NOTHING
RETURNING release_id, intent_no, attempt_no, source, event_id
