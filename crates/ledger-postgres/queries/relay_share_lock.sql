INSERT INTO relay_share (tenant_id, relay_id, sender_epoch, sessions, wanted, messages, until)
VALUES ($1, $2, 0, 0, 0, 0, 0)
ON CONFLICT (tenant_id, relay_id, sender_epoch) DO UPDATE SET until = excluded.until
