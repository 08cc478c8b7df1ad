SELECT part_no, name, bytes FROM content_part
WHERE tenant_id = ?1 AND release_id = ?2 AND part_no BETWEEN ?3 AND ?4 ORDER BY part_no
