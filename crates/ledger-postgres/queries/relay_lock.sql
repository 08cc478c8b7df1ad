SELECT relay_id FROM relay WHERE tenant_id = $1 AND relay_id = $2 FOR NO KEY UPDATE
