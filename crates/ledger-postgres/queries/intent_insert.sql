INSERT INTO intent (tenant_id, release_id, intent_no, wave, suppression, sender_epoch, link_no)
SELECT $1, $2, n.intent_no, $3, n.suppression, $4, $5
FROM unnest($6::bigint[], $7::bigint[]) AS n (intent_no, suppression)
