INSERT INTO retry_due (tenant_id, release_id, intent_no, due_at)
SELECT $1, n.release_id, n.intent_no, n.due_at
FROM unnest($2::bigint[], $3::bigint[], $4::bigint[]) AS n (release_id, intent_no, due_at)
ON CONFLICT (tenant_id, release_id, intent_no) DO UPDATE SET due_at = excluded.due_at
