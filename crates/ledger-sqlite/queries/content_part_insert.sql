INSERT INTO content_part (tenant_id, release_id, part_no, name, bytes) VALUES (?1, ?2, ?3, ?4, ?5)
