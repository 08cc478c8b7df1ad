SELECT pg_advisory_unlock(1212897611)
