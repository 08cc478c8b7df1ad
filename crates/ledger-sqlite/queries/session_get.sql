SELECT relay_id, credential_version, fingerprint, peer, tls, sender_epoch, opened_at FROM session
WHERE tenant_id = ?1 AND session_id = ?2
