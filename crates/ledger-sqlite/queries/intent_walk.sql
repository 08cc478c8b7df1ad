SELECT tenant_id, release_id, intent_no, wave, suppression, sender_epoch, link_no FROM intent
ORDER BY tenant_id, release_id, intent_no
