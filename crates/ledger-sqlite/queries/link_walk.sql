SELECT tenant_id, book, sender_epoch, link_no, row_count, rows_total, root, chain, at FROM link
ORDER BY tenant_id, book, sender_epoch, link_no
