INSERT INTO sender (sender_epoch, node_id, journal, boot, started_at) VALUES (?1, ?2, ?3, ?4, ?5)
