-- Tenant by tenant, for the tenant leads the key: a bucket's first minute, and its verdicts.
SELECT v.minute - v.minute % ?3, CAST(sum(v.accepted) AS BIGINT), CAST(sum(v.deferred) AS BIGINT),
    CAST(sum(v.rejected) AS BIGINT), CAST(sum(v.unknown) AS BIGINT), CAST(sum(v.cancelled) AS BIGINT),
    CAST(sum(v.expired) AS BIGINT)
FROM tenant t JOIN verdict_minute v ON v.tenant_id = t.tenant_id AND v.minute >= ?1 AND v.minute < ?2
GROUP BY 1 ORDER BY 1
