INSERT INTO relay_use (tenant_id, relay_id, second, messages) VALUES (?1, ?2, ?3, ?4)
ON CONFLICT (tenant_id, relay_id, second) DO UPDATE SET messages = relay_use.messages + excluded.messages
