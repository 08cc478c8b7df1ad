SELECT tenant_id, release_id, intent_no, attempt_no, session_id, relay_id, credential_version, fingerprint,
    body_digest, opened_at, sender_epoch FROM attempt
WHERE tenant_id = ?1 AND release_id = ?2 AND intent_no = ?3 ORDER BY attempt_no
