SELECT o.tenant_id, o.release_id, o.intent_no, o.attempt_no, o.verdict, o.phase, o.code, o.enhanced, o.reply_digest,
    o.at, coalesce(t.text, ''), o.sender_epoch
FROM outcome o LEFT JOIN reply_text t ON t.tenant_id = o.tenant_id AND t.release_id = o.release_id
    AND t.intent_no = o.intent_no AND t.attempt_no = o.attempt_no AND t.verdict = o.verdict
WHERE o.tenant_id = ?1 AND o.release_id = ?2 AND o.intent_no = ?3 ORDER BY o.at, o.attempt_no, o.verdict
