SELECT tenant_id, release_id, intent_no, attempt_no, session_id, relay_id, credential_version, fingerprint,
    body_digest, opened_at, sender_epoch, link_no FROM attempt
WHERE tenant_id = ?1 AND release_id = ?2 AND intent_no BETWEEN ?3 AND ?4
ORDER BY tenant_id, release_id, intent_no, attempt_no
