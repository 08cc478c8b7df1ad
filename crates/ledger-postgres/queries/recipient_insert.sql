INSERT INTO recipient (tenant_id, release_id, intent_no, address, fields)
SELECT $1, $2, n.intent_no, n.address, n.fields
FROM unnest($3::bigint[], $4::text[], $5::text[]) AS n (intent_no, address, fields)
