-- An attempt without its intent, or whose session is not of its tenant, relay and secret, is left out, and the caller
-- refuses the whole. The few sessions of a commit are read once, whatever the number of attempts.
WITH known AS MATERIALIZED (
    SELECT session_id, relay_id, credential_version, fingerprint FROM session
    WHERE tenant_id = $1 AND session_id = ANY ($7::bigint[]))
INSERT INTO attempt (tenant_id, release_id, intent_no, attempt_no, session_id, relay_id, credential_version, fingerprint,
    body_digest, opened_at, sender_epoch, link_no)
SELECT $1, n.release_id, n.intent_no, n.attempt_no, n.session_id, n.relay_id, n.credential_version, n.fingerprint,
    n.body_digest, n.opened_at, $2, $3
FROM unnest($4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[], $9::bigint[], $10::bytea[],
    $11::bytea[], $12::bigint[])
    AS n (release_id, intent_no, attempt_no, session_id, relay_id, credential_version, fingerprint, body_digest,
    opened_at)
JOIN known ON known.session_id = n.session_id AND known.relay_id = n.relay_id
    AND known.credential_version = n.credential_version AND known.fingerprint = n.fingerprint
CROSS JOIN LATERAL (
    SELECT 1 FROM intent i
    WHERE i.tenant_id = $1 AND i.release_id = n.release_id AND i.intent_no = n.intent_no OFFSET 0) i
