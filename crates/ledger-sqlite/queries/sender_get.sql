SELECT journal, boot, node_id FROM sender WHERE sender_epoch = ?1
