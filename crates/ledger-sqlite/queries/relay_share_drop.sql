DELETE FROM relay_share WHERE tenant_id = ?1 AND relay_id = ?2 AND sender_epoch > 0 AND sender_epoch <> ?3 AND until <= ?4
