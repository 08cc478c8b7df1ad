-- Each intent (0) with its attempts (1), outcomes (2), accepting witnesses (3) and place in the retry schedule (4).
-- OFFSET 0 keeps each look a look by key, whatever the statistics say of a table that was empty a minute ago.
SELECT n.release_id, n.intent_no, e.kind, e.first, e.second
FROM unnest($2::bigint[], $3::bigint[]) AS n (release_id, intent_no) CROSS JOIN LATERAL (
    (SELECT 0 AS kind, suppression::bigint AS first, 0::bigint AS second FROM intent
    WHERE tenant_id = $1 AND release_id = n.release_id AND intent_no = n.intent_no OFFSET 0)
    UNION ALL
    (SELECT 1 AS kind, attempt_no::bigint AS first, sender_epoch AS second FROM attempt
    WHERE tenant_id = $1 AND release_id = n.release_id AND intent_no = n.intent_no OFFSET 0)
    UNION ALL
    (SELECT 2 AS kind, attempt_no::bigint AS first, verdict::bigint AS second FROM outcome
    WHERE tenant_id = $1 AND release_id = n.release_id AND intent_no = n.intent_no OFFSET 0)
    UNION ALL
    (SELECT 3 AS kind, attempt_no::bigint AS first, 0::bigint AS second FROM witness
    WHERE tenant_id = $1 AND release_id = n.release_id AND intent_no = n.intent_no AND accepted = 1 OFFSET 0)
    UNION ALL
    (SELECT 4 AS kind, due_at AS first, 0::bigint AS second FROM retry_due
    WHERE tenant_id = $1 AND release_id = n.release_id AND intent_no = n.intent_no OFFSET 0)) e
ORDER BY 1, 2, 3, 4, 5
