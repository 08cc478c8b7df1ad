INSERT INTO intent (tenant_id, release_id, intent_no, wave, suppression, sender_epoch, link_no)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
