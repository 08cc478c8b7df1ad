-- As owed_list, of intents of any tenants, each by its place in the list.
SELECT n.at, n.intent_no, e.kind, e.first, e.second
FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[]) AS n (at, tenant_id, release_id, intent_no)
CROSS JOIN LATERAL (
    (SELECT 0 AS kind, suppression::bigint AS first, 0::bigint AS second FROM intent i
    WHERE i.tenant_id = n.tenant_id AND i.release_id = n.release_id AND i.intent_no = n.intent_no OFFSET 0)
    UNION ALL
    (SELECT 2 AS kind, attempt_no::bigint AS first, verdict::bigint AS second FROM outcome o
    WHERE o.tenant_id = n.tenant_id AND o.release_id = n.release_id AND o.intent_no = n.intent_no OFFSET 0)
    UNION ALL
    (SELECT 3 AS kind, attempt_no::bigint AS first, 0::bigint AS second FROM witness w
    WHERE w.tenant_id = n.tenant_id AND w.release_id = n.release_id AND w.intent_no = n.intent_no AND accepted = 1
    OFFSET 0)) e
ORDER BY 1, 2, 3, 4, 5
