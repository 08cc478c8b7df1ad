SELECT tenant_id, release_id, intent_no, attempt_no, verdict, phase, code, enhanced, reply_digest, at, sender_epoch, link_no FROM outcome
ORDER BY tenant_id, release_id, intent_no, attempt_no, verdict
