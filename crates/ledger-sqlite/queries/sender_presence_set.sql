INSERT INTO sender_presence (sender_epoch, host, seen_at, left_at) VALUES (?1, ?2, ?3, ?4)
ON CONFLICT (sender_epoch) DO UPDATE SET seen_at = excluded.seen_at, left_at = excluded.left_at
