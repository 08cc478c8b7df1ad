-- The chunks of the intents are locked: nobody else adds to them meanwhile, so what stands already need only be looked for.
INSERT INTO outcome (tenant_id, release_id, intent_no, attempt_no, verdict, phase, code, enhanced, reply_digest, at,
    sender_epoch, link_no)
SELECT $1, n.release_id, n.intent_no, n.attempt_no, n.verdict, n.phase, n.code, n.enhanced, n.reply_digest, n.at, $2, $3
FROM unnest($4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[],
    $11::bytea[], $12::bigint[])
    AS n (release_id, intent_no, attempt_no, verdict, phase, code, enhanced, reply_digest, at)
WHERE NOT EXISTS (
    SELECT FROM outcome o WHERE o.tenant_id = $1 AND o.release_id = n.release_id AND o.intent_no = n.intent_no
    AND o.attempt_no = n.attempt_no AND o.verdict = n.verdict OFFSET 0)
RETURNING release_id, intent_no, attempt_no, verdict
