-- No row when another node took the same epoch just now.
INSERT INTO sender (sender_epoch, node_id, journal, boot, started_at)
SELECT coalesce(max(sender_epoch), 0) + 1, $1, $2, $3, $4 FROM sender
ON CONFLICT (sender_epoch) DO NOTHING
RETURNING sender_epoch
