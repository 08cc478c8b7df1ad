SELECT minute - minute % ?4, CAST(sum(accepted) AS BIGINT), CAST(sum(deferred) AS BIGINT),
    CAST(sum(rejected) AS BIGINT), CAST(sum(unknown) AS BIGINT), CAST(sum(cancelled) AS BIGINT),
    CAST(sum(expired) AS BIGINT)
FROM verdict_minute WHERE tenant_id = ?1 AND minute >= ?2 AND minute < ?3
GROUP BY 1 ORDER BY 1
