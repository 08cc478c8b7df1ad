-- One seek for each chain, however long it is.
WITH RECURSIVE chain AS (
    (SELECT tenant_id, book, sender_epoch FROM link ORDER BY tenant_id, book, sender_epoch LIMIT 1)
    UNION ALL
    SELECT n.tenant_id, n.book, n.sender_epoch FROM chain c CROSS JOIN LATERAL (
        SELECT tenant_id, book, sender_epoch FROM link
        WHERE (tenant_id, book, sender_epoch) > (c.tenant_id, c.book, c.sender_epoch)
        ORDER BY tenant_id, book, sender_epoch LIMIT 1) n)
SELECT c.tenant_id, c.book, c.sender_epoch, e.link_no, e.rows_total, e.chain FROM chain c CROSS JOIN LATERAL (
    SELECT link_no, rows_total, chain FROM link l
    WHERE l.tenant_id = c.tenant_id AND l.book = c.book AND l.sender_epoch = c.sender_epoch
    ORDER BY link_no DESC LIMIT 1) e
ORDER BY c.tenant_id, c.book, c.sender_epoch
