-- The chunks named by number, and those of the intents named: locked until the commit, in the order of their keys.
SELECT l.release_id, l.chunk_no, l.first_intent, l.last_intent, l.due_at, l.lease_sender, l.lease_epoch
FROM (
    SELECT n.release_id, n.chunk_no FROM unnest($2::bigint[], $3::bigint[]) AS n (release_id, chunk_no)
    UNION
    SELECT i.release_id, c.chunk_no FROM unnest($4::bigint[], $5::bigint[]) AS i (release_id, intent_no)
    CROSS JOIN LATERAL (
        SELECT d.chunk_no FROM delivery_chunk d
        WHERE d.tenant_id = $1 AND d.release_id = i.release_id AND d.first_intent <= i.intent_no
        ORDER BY d.first_intent DESC LIMIT 1) c
    ORDER BY release_id, chunk_no) w
CROSS JOIN LATERAL (
    SELECT release_id, chunk_no, first_intent, last_intent, due_at, lease_sender, lease_epoch FROM delivery_chunk d
    WHERE d.tenant_id = $1 AND d.release_id = w.release_id AND d.chunk_no = w.chunk_no FOR UPDATE) l
