INSERT INTO content_part (tenant_id, release_id, part_no, name, bytes)
SELECT $1, $2, n.part_no, n.name, n.bytes FROM unnest($3::bigint[], $4::text[], $5::bytea[]) AS n (part_no, name, bytes)
