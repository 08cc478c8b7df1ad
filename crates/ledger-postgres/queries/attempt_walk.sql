-- With what the session of each authenticated, if it stands, and whether the directory knows that secret.
SELECT a.tenant_id, a.release_id, a.intent_no, a.attempt_no, a.session_id, a.relay_id, a.credential_version, a.fingerprint,
    a.body_digest, a.opened_at, a.sender_epoch, a.link_no, s.relay_id, s.credential_version, s.fingerprint,
    c.tenant_id IS NOT NULL
FROM attempt a
LEFT JOIN session s ON s.tenant_id = a.tenant_id AND s.session_id = a.session_id
LEFT JOIN credential c ON c.tenant_id = s.tenant_id AND c.relay_id = s.relay_id
    AND c.credential_version = s.credential_version AND c.fingerprint = s.fingerprint
ORDER BY a.tenant_id, a.release_id, a.intent_no, a.attempt_no
