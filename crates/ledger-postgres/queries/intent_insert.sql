INSERT INTO intent (tenant_id, release_id, intent_no, wave, suppression, sender_epoch, link_no)
SELECT r.tenant_id, r.release_id, n.intent_no, $3, n.suppression, $4, $5
FROM release r CROSS JOIN unnest($6::bigint[], $7::bigint[]) AS n (intent_no, suppression)
WHERE r.tenant_id = $1 AND r.release_id = $2
