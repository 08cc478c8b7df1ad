INSERT INTO reply_text (tenant_id, release_id, intent_no, attempt_no, verdict, text)
SELECT $1, n.release_id, n.intent_no, n.attempt_no, n.verdict, n.text
FROM unnest($2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::text[])
    AS n (release_id, intent_no, attempt_no, verdict, text)
WHERE NOT EXISTS (
    SELECT FROM reply_text t WHERE t.tenant_id = $1 AND t.release_id = n.release_id AND t.intent_no = n.intent_no
    AND t.attempt_no = n.attempt_no AND t.verdict = n.verdict OFFSET 0)
