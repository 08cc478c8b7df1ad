SELECT link_no, rows_total, chain FROM link WHERE tenant_id = ?1 AND book = ?2 AND sender_epoch = ?3
ORDER BY link_no DESC LIMIT 1
