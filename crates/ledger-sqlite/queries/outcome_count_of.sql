-- Of each intent, the attempts that ended with this verdict in this phase.
SELECT intent_no, COUNT(*) FROM outcome WHERE tenant_id = ?1 AND release_id = ?2 AND intent_no BETWEEN ?3 AND ?4
    AND attempt_no > 0 AND verdict = ?5 AND phase = ?6
GROUP BY intent_no ORDER BY intent_no
