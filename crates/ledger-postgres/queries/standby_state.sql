-- Those that are connected, and those that have a slot and are not.
SELECT (SELECT count(*) FROM pg_stat_replication)
    + (SELECT count(*) FROM pg_replication_slots WHERE slot_type = 'physical' AND NOT active),
    current_setting('synchronous_standby_names'), current_setting('synchronous_commit')
