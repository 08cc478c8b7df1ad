-- Each intent (0) with its attempts (1), outcomes (2), accepting witnesses (3) and place in the retry schedule (4).
SELECT release_id, intent_no, 0, suppression::bigint, 0::bigint FROM intent
WHERE tenant_id = $1 AND release_id = $2 AND intent_no BETWEEN $3 AND $4
UNION ALL
SELECT release_id, intent_no, 1, attempt_no, sender_epoch FROM attempt
WHERE tenant_id = $1 AND release_id = $2 AND intent_no BETWEEN $3 AND $4
UNION ALL
SELECT release_id, intent_no, 2, attempt_no, verdict FROM outcome
WHERE tenant_id = $1 AND release_id = $2 AND intent_no BETWEEN $3 AND $4
UNION ALL
SELECT release_id, intent_no, 3, attempt_no, 0 FROM witness
WHERE tenant_id = $1 AND release_id = $2 AND intent_no BETWEEN $3 AND $4 AND accepted = 1
UNION ALL
SELECT release_id, intent_no, 4, due_at, 0 FROM retry_due
WHERE tenant_id = $1 AND release_id = $2 AND intent_no BETWEEN $3 AND $4
ORDER BY 1, 2, 3, 4, 5
