SELECT journal, boot FROM sender WHERE sender_epoch = ?1
