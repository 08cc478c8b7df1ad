-- Each intent (0) with its attempts (1), outcomes (2), accepting witnesses (3) and place in the retry schedule (4).
-- OFFSET 0 keeps each look a look by key, whatever the statistics say of a table that was empty a minute ago. Witnesses
-- and retries are few: they are looked for at all only where the tenant has any, which is asked once.
SELECT n.release_id, n.intent_no, 0 AS kind, e.first, 0::bigint AS second
FROM unnest($2::bigint[], $3::bigint[]) AS n (release_id, intent_no) CROSS JOIN LATERAL (
    SELECT suppression::bigint AS first FROM intent
    WHERE tenant_id = $1 AND release_id = n.release_id AND intent_no = n.intent_no OFFSET 0) e
UNION ALL
SELECT n.release_id, n.intent_no, 1, e.first, e.second
FROM unnest($2::bigint[], $3::bigint[]) AS n (release_id, intent_no) CROSS JOIN LATERAL (
    SELECT attempt_no::bigint AS first, sender_epoch AS second FROM attempt
    WHERE tenant_id = $1 AND release_id = n.release_id AND intent_no = n.intent_no OFFSET 0) e
UNION ALL
SELECT n.release_id, n.intent_no, 2, e.first, e.second
FROM unnest($2::bigint[], $3::bigint[]) AS n (release_id, intent_no) CROSS JOIN LATERAL (
    SELECT attempt_no::bigint AS first, verdict::bigint AS second FROM outcome
    WHERE tenant_id = $1 AND release_id = n.release_id AND intent_no = n.intent_no OFFSET 0) e
UNION ALL
SELECT n.release_id, n.intent_no, 3, e.first, 0
FROM unnest($2::bigint[], $3::bigint[]) AS n (release_id, intent_no) CROSS JOIN LATERAL (
    SELECT attempt_no::bigint AS first FROM witness
    WHERE tenant_id = $1 AND release_id = n.release_id AND intent_no = n.intent_no AND accepted = 1 OFFSET 0) e
WHERE (SELECT EXISTS (SELECT FROM witness WHERE tenant_id = $1))
UNION ALL
SELECT n.release_id, n.intent_no, 4, e.first, 0
FROM unnest($2::bigint[], $3::bigint[]) AS n (release_id, intent_no) CROSS JOIN LATERAL (
    SELECT due_at AS first FROM retry_due
    WHERE tenant_id = $1 AND release_id = n.release_id AND intent_no = n.intent_no OFFSET 0) e
WHERE (SELECT EXISTS (SELECT FROM retry_due WHERE tenant_id = $1))
ORDER BY 1, 2, 3, 4, 5
