-- An attempt without its intent is left out, and the caller refuses the whole.
INSERT INTO attempt (tenant_id, release_id, intent_no, attempt_no, session_id, relay_id, credential_version, fingerprint,
    body_digest, opened_at, sender_epoch, link_no)
SELECT $1, n.release_id, n.intent_no, n.attempt_no, n.session_id, n.relay_id, n.credential_version, n.fingerprint,
    n.body_digest, n.opened_at, $2, $3
FROM unnest($4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[], $9::bigint[], $10::bytea[],
    $11::bytea[], $12::bigint[])
    AS n (release_id, intent_no, attempt_no, session_id, relay_id, credential_version, fingerprint, body_digest,
    opened_at)
CROSS JOIN LATERAL (
    SELECT 1 FROM intent i
    WHERE i.tenant_id = $1 AND i.release_id = n.release_id AND i.intent_no = n.intent_no OFFSET 0) i
