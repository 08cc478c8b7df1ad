-- Intents of these chunks without an entry that alone settles what became of them; most of them are owed still.
SELECT n.at, e.intent_no
FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[])
    AS n (at, tenant_id, release_id, first_intent, last_intent)
CROSS JOIN LATERAL (
    (SELECT i.intent_no FROM intent i WHERE i.tenant_id = n.tenant_id AND i.release_id = n.release_id
        AND i.intent_no BETWEEN n.first_intent AND n.last_intent AND i.suppression = 0)
    EXCEPT
    (SELECT o.intent_no FROM outcome o WHERE o.tenant_id = n.tenant_id AND o.release_id = n.release_id
        AND o.intent_no BETWEEN n.first_intent AND n.last_intent AND o.verdict IN (1, 3, 5, 6))) e
ORDER BY 1, 2
