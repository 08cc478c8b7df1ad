UPDATE counter SET audience = audience + ?3, accepted = accepted + ?4, rejected = rejected + ?5,
    suppressed = suppressed + ?6, cancelled = cancelled + ?7, expired = expired + ?8, unknown = unknown + ?9,
    pending = pending + ?10, duplicates = duplicates + ?11
WHERE tenant_id = ?1 AND release_id = ?2
