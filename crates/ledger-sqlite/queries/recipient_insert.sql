INSERT INTO recipient (tenant_id, release_id, intent_no, address, fields) VALUES (?1, ?2, ?3, ?4, ?5)
