DELETE FROM write_mark WHERE tenant_id = $1 AND writer_id <> $2 AND written_at < $3
