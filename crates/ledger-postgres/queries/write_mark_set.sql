-- No row is changed when this very number stands: the write whose reply was lost is durable. An open transaction of
-- the same number is waited for.
INSERT INTO write_mark (tenant_id, writer_id, mark_no, written_at) VALUES ($1, $2, $3, $4)
ON CONFLICT (tenant_id, writer_id) DO UPDATE SET mark_no = excluded.mark_no, written_at = excluded.written_at
WHERE write_mark.mark_no < excluded.mark_no
