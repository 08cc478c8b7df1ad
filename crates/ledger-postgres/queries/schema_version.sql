SELECT to_regclass('refinery_schema_history') IS NOT NULL, count(*) FROM pg_tables WHERE schemaname = current_schema()
