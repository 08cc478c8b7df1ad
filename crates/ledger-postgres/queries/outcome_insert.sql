INSERT INTO outcome (tenant_id, release_id, intent_no, attempt_no, verdict, phase, code, enhanced, reply_digest, at,
    sender_epoch, link_no)
SELECT $1, n.release_id, n.intent_no, n.attempt_no, n.verdict, n.phase, n.code, n.enhanced, n.reply_digest, n.at, $2, $3
FROM unnest($4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[],
    $11::bytea[], $12::bigint[])
    AS n (release_id, intent_no, attempt_no, verdict, phase, code, enhanced, reply_digest, at)
ON CONFLICT (tenant_id, release_id, intent_no, attempt_no, verdict) DO NOTHING
RETURNING release_id, intent_no, attempt_no, verdict
