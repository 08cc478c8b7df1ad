DELETE FROM retry_due r USING unnest($2::bigint[], $3::bigint[]) AS n (release_id, intent_no)
WHERE r.tenant_id = $1 AND r.release_id = n.release_id AND r.intent_no = n.intent_no
