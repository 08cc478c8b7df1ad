SELECT CAST(coalesce(sum(messages), 0) AS BIGINT) FROM relay_use WHERE tenant_id = ?1 AND relay_id = ?2 AND second >= ?3
