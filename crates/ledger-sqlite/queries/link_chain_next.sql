SELECT tenant_id, book, sender_epoch FROM link WHERE (tenant_id, book, sender_epoch) > (?1, ?2, ?3)
ORDER BY tenant_id, book, sender_epoch LIMIT 1
