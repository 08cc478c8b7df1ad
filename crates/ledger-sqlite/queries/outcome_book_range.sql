SELECT tenant_id, release_id, intent_no, attempt_no, verdict, phase, code, enhanced, reply_digest, at, sender_epoch, link_no FROM outcome
WHERE tenant_id = ?1 AND release_id = ?2 AND intent_no BETWEEN ?3 AND ?4
ORDER BY tenant_id, release_id, intent_no, attempt_no, verdict
