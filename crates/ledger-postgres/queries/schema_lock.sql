-- One node migrates at a time. Where there are no advisory locks, have one node start alone.
SELECT pg_advisory_lock(1212897611)
