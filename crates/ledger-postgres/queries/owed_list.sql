-- Each intent (0) with its attempts (1), outcomes (2), accepting witnesses (3) and place in the retry schedule (4).
SELECT release_id, intent_no, 0, suppression::bigint, 0::bigint FROM unnest($2::bigint[], $3::bigint[]) AS n (release_id, intent_no) JOIN intent USING (release_id, intent_no)
WHERE tenant_id = $1
UNION ALL
SELECT release_id, intent_no, 1, attempt_no, sender_epoch FROM unnest($2::bigint[], $3::bigint[]) AS n (release_id, intent_no) JOIN attempt USING (release_id, intent_no)
WHERE tenant_id = $1
UNION ALL
SELECT release_id, intent_no, 2, attempt_no, verdict FROM unnest($2::bigint[], $3::bigint[]) AS n (release_id, intent_no) JOIN outcome USING (release_id, intent_no)
WHERE tenant_id = $1
UNION ALL
SELECT release_id, intent_no, 3, attempt_no, 0 FROM unnest($2::bigint[], $3::bigint[]) AS n (release_id, intent_no) JOIN witness USING (release_id, intent_no)
WHERE tenant_id = $1 AND accepted = 1
UNION ALL
SELECT release_id, intent_no, 4, due_at, 0 FROM unnest($2::bigint[], $3::bigint[]) AS n (release_id, intent_no) JOIN retry_due USING (release_id, intent_no)
WHERE tenant_id = $1
ORDER BY 1, 2, 3, 4, 5
