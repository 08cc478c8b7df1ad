INSERT INTO session (tenant_id, session_id, relay_id, credential_version, fingerprint, peer, tls, sender_epoch,
    opened_at)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
