SELECT count(*) FROM intent WHERE tenant_id = $1 AND release_id = $2 AND intent_no <= $3
