INSERT INTO link (tenant_id, book, sender_epoch, link_no, row_count, rows_total, root, chain, at)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
