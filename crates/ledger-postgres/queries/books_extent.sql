SELECT coalesce(sum(pg_total_relation_size(relid)), 0)::bigint,
    coalesce(sum(n_tup_ins + n_tup_upd + n_tup_del), 0)::bigint
FROM pg_stat_user_tables WHERE schemaname = current_schema()
