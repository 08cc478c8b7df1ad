-- A pause (state 3) that ends does not count towards the deadline.
UPDATE release_state
SET deadline_at = deadline_at + CASE WHEN state = 3 AND ?3 = 2 AND ?4 > changed_at THEN ?4 - changed_at ELSE 0 END,
    state = ?3,
    changed_at = ?4
WHERE tenant_id = ?1 AND release_id = ?2
