-- Texts of outcomes that were added just now: none of them can stand already.
INSERT INTO reply_text (tenant_id, release_id, intent_no, attempt_no, verdict, text)
SELECT $1, n.release_id, n.intent_no, n.attempt_no, n.verdict, n.text
FROM unnest($2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::text[])
    AS n (release_id, intent_no, attempt_no, verdict, text)
