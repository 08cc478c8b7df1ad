SELECT link_no, row_count, root, chain, at FROM link
WHERE tenant_id = ?1 AND book = ?2 AND sender_epoch = ?3 AND link_no > ?4
ORDER BY link_no LIMIT ?5
