SELECT max(sender_epoch) FROM sender
