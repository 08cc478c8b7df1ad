-- Attempts over the few sessions of a commit, each of which must stand with the tenant, relay and secret that the attempts
-- name; of one that does not, all are left out, and the caller refuses the whole. Their intents stand: the caller has
-- locked the chunks that hold them.
WITH known AS MATERIALIZED (
    SELECT s.session_id, s.relay_id, s.credential_version, s.fingerprint
    FROM unnest($4::bigint[], $5::bigint[], $6::bigint[], $7::bytea[])
        AS n (session_id, relay_id, credential_version, fingerprint)
    JOIN session s ON s.tenant_id = $1 AND s.session_id = n.session_id AND s.relay_id = n.relay_id
        AND s.credential_version = n.credential_version AND s.fingerprint = n.fingerprint)
INSERT INTO attempt (tenant_id, release_id, intent_no, attempt_no, session_id, relay_id, credential_version, fingerprint,
    body_digest, opened_at, sender_epoch, link_no)
SELECT $1, n.release_id, n.intent_no, n.attempt_no, known.session_id, known.relay_id, known.credential_version,
    known.fingerprint, n.body_digest, n.opened_at, $2, $3
FROM unnest($8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[], $12::bytea[], $13::bigint[])
    AS n (release_id, intent_no, attempt_no, session_id, body_digest, opened_at)
JOIN known ON known.session_id = n.session_id
