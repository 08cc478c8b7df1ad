SELECT tenant_id, release_id, intent_no, wave, suppression, sender_epoch, link_no FROM intent
WHERE tenant_id = ?1 AND release_id = ?2 AND intent_no BETWEEN ?3 AND ?4
ORDER BY tenant_id, release_id, intent_no
