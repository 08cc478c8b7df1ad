//! The text of every statement, from `queries/`. Nothing else in this room holds SQL, but for the pragmas of
//! [`crate::connection`] and the savepoints of the writer.
//!
//! No statement changes or deletes a row of the books; a test of this module reads them all to see to it.

/// The beginning of a read that is held.
pub(crate) const TRANSACTION_READ: &str = "BEGIN DEFERRED";

/// Names each file of `queries/` as a constant, and lists them for the test below.
macro_rules! queries {
    ($($name:ident = $file:literal;)*) => {
        $(pub(crate) const $name: &str = include_str!(concat!("../queries/", $file, ".sql"));)*

        #[cfg(test)]
        const ALL: &[(&str, &str)] = &[$(($file, $name)),*];
    };
}

queries! {
    ATTEMPT_BOOK_RANGE = "attempt_book_range";
    ATTEMPT_GET = "attempt_get";
    ATTEMPT_INSERT = "attempt_insert";
    ATTEMPT_LAST = "attempt_last";
    ATTEMPT_LIST = "attempt_list";
    ATTEMPT_RANGE = "attempt_range";
    ATTEMPT_WALK = "attempt_walk";
    AUDIENCE_COUNT = "audience_count";
    AUDIENCE_EXTENT = "audience_extent";
    AUDIENCE_WAVE_GET = "audience_wave_get";
    AUDIENCE_WAVE_INSERT = "audience_wave_insert";
    AUDIENCE_WAVE_LIST = "audience_wave_list";
    AUDIENCE_WAVE_SEAL = "audience_wave_seal";
    AUDIT_INSERT = "audit_insert";
    AUDIT_LAST = "audit_last";
    AUDIT_LIST = "audit_list";
    AUDIT_WALK = "audit_walk";
    BOOKS_COPY = "books_copy";
    CONTENT_PART_INSERT = "content_part_insert";
    CONTENT_PART_LIST = "content_part_list";
    CONTENT_PART_RANGE = "content_part_range";
    COPY_FIRST = "copy_first";
    COPY_INSERT = "copy_insert";
    COPY_LAST = "copy_last";
    COPY_ROWS = "copy_rows";
    COUNTER_ADD = "counter_add";
    COUNTER_GET = "counter_get";
    COUNTER_INSERT = "counter_insert";
    CREDENTIAL_GET_BY_FINGERPRINT = "credential_get_by_fingerprint";
    CREDENTIAL_INSERT = "credential_insert";
    DELIVERY_CHUNK_ACCOUNT = "delivery_chunk_account";
    DELIVERY_CHUNK_ACCOUNT_LIST = "delivery_chunk_account_list";
    DELIVERY_CHUNK_COUNT = "delivery_chunk_count";
    DELIVERY_CHUNK_GET = "delivery_chunk_get";
    DELIVERY_CHUNK_GET_BY_INTENT = "delivery_chunk_get_by_intent";
    DELIVERY_CHUNK_HASTEN = "delivery_chunk_hasten";
    DELIVERY_CHUNK_HOLE_LIST = "delivery_chunk_hole_list";
    DELIVERY_CHUNK_INSERT = "delivery_chunk_insert";
    DELIVERY_CHUNK_LEASE = "delivery_chunk_lease";
    DELIVERY_CHUNK_LIST_DUE = "delivery_chunk_list_due";
    DELIVERY_CHUNK_LIST_LEASED = "delivery_chunk_list_leased";
    DELIVERY_CHUNK_NEXT_NO = "delivery_chunk_next_no";
    DELIVERY_CHUNK_RENEW = "delivery_chunk_renew";
    DELIVERY_CHUNK_RETURN = "delivery_chunk_return";
    DELIVERY_CHUNK_UNACCOUNTED = "delivery_chunk_unaccounted";
    DELIVERY_CHUNK_UNACCOUNTED_OF = "delivery_chunk_unaccounted_of";
    DOCUMENT_DROP = "document_drop";
    DOCUMENT_GET = "document_get";
    DOCUMENT_INSERT = "document_insert";
    DOCUMENT_LIST = "document_list";
    DOCUMENT_SET = "document_set";
    DOCUMENT_VERSION = "document_version";
    INSTALLATION_GET = "installation_get";
    INSTALLATION_INSERT = "installation_insert";
    INSTALLATION_USE = "installation_use";
    INTENT_BOOK_RANGE = "intent_book_range";
    INTENT_GET = "intent_get";
    INTENT_INSERT = "intent_insert";
    INTENT_LAST = "intent_last";
    INTENT_RANGE = "intent_range";
    INTENT_SUPPRESSED_RANGE = "intent_suppressed_range";
    INTENT_WALK = "intent_walk";
    LEASE_LOST_DROP = "lease_lost_drop";
    LEASE_LOST_INSERT = "lease_lost_insert";
    LEASE_LOST_LIST = "lease_lost_list";
    LINK_CHAIN_NEXT = "link_chain_next";
    LINK_INSERT = "link_insert";
    LINK_LAST = "link_last";
    LINK_LIST_AFTER = "link_list_after";
    LINK_WALK = "link_walk";
    OUTCOME_BOOK_RANGE = "outcome_book_range";
    OUTCOME_BRIEF = "outcome_brief";
    OUTCOME_COUNT_OF = "outcome_count_of";
    OUTCOME_INSERT = "outcome_insert";
    OUTCOME_LIST = "outcome_list";
    OUTCOME_RANGE = "outcome_range";
    OUTCOME_WALK = "outcome_walk";
    RECIPIENT_GET = "recipient_get";
    RECIPIENT_INSERT = "recipient_insert";
    RECIPIENT_RANGE = "recipient_range";
    RELAY_GET_BY_ACCOUNT = "relay_get_by_account";
    RELAY_INSERT = "relay_insert";
    RELAY_SHARE_DROP = "relay_share_drop";
    RELAY_SHARE_LIST = "relay_share_list";
    RELAY_SHARE_SET = "relay_share_set";
    RELAY_USE_ADD = "relay_use_add";
    RELAY_USE_DROP_BEFORE = "relay_use_drop_before";
    RELAY_USE_LIST = "relay_use_list";
    RELAY_USE_SUM = "relay_use_sum";
    RELEASE_GET = "release_get";
    RELEASE_INSERT = "release_insert";
    RELEASE_LIST = "release_list";
    RELEASE_LIST_ALL = "release_list_all";
    RELEASE_ROUTE_GET = "release_route_get";
    RELEASE_ROUTE_SET = "release_route_set";
    RELEASE_STATE_BEGIN = "release_state_begin";
    RELEASE_STATE_GET = "release_state_get";
    RELEASE_STATE_INSERT = "release_state_insert";
    RELEASE_STATE_RESCHEDULE = "release_state_reschedule";
    RELEASE_STATE_SEAL = "release_state_seal";
    RELEASE_STATE_SET = "release_state_set";
    REPLY_TEXT_INSERT = "reply_text_insert";
    RETRY_DUE_DROP = "retry_due_drop";
    RETRY_DUE_DROP_RANGE = "retry_due_drop_range";
    RETRY_DUE_GET = "retry_due_get";
    RETRY_DUE_RANGE = "retry_due_range";
    RETRY_DUE_SET = "retry_due_set";
    SCHEMA_TABLE_COUNT = "schema_table_count";
    SENDER_GET = "sender_get";
    SENDER_INSERT = "sender_insert";
    SENDER_LATEST = "sender_latest";
    SENDER_PRESENCE_LIST = "sender_presence_list";
    SENDER_PRESENCE_SET = "sender_presence_set";
    SESSION_GET = "session_get";
    SESSION_INSERT = "session_insert";
    TENANT_GET_BY_NAME = "tenant_get_by_name";
    TENANT_INSERT = "tenant_insert";
    TENANT_LIST = "tenant_list";
    VERDICT_MINUTE_ADD = "verdict_minute_add";
    VERDICT_MINUTE_WALK = "verdict_minute_walk";
    VERDICT_MINUTE_WINDOW = "verdict_minute_window";
    VERDICT_MINUTE_WINDOW_OF = "verdict_minute_window_of";
    WITNESS_BOOK_RANGE = "witness_book_range";
    WITNESS_EXISTS = "witness_exists";
    WITNESS_INSERT = "witness_insert";
    WITNESS_RANGE = "witness_range";
    WITNESS_WALK = "witness_walk";
    WORK_LIST = "work_list";
}

#[cfg(test)]
mod tests {
    use super::ALL;

    /// The audit log grows as the books do.
    const BOOKS: [&str; 6] = ["intent", "attempt", "outcome", "witness", "link", "audit"];

    /// The table that a statement changes or deletes from, if it does.
    fn changed_table(sql: &str) -> Option<String> {
        let words: Vec<String> = sql.split_whitespace().map(str::to_lowercase).collect();
        let (verb, table) = match words.first()?.as_str() {
            "update" => ("update", words.get(1)?),
            "delete" => ("delete", words.get(2)?),
            "insert" if words.windows(2).any(|pair| pair == ["do", "update"]) => ("upsert", words.get(2)?),
            "replace" => ("replace", words.get(2)?),
            _ => return None,
        };
        Some(format!("{verb} {table}"))
    }

    #[test]
    fn no_statement_changes_a_book() {
        for (file, sql) in ALL {
            let changed = changed_table(sql);
            let hits =
                BOOKS.iter().any(|book| changed.as_deref().is_some_and(|c| c.ends_with(&format!(" {book}"))));
            assert!(!hits, "{file}: {changed:?}");
        }
        assert_eq!(changed_table("UPDATE intent SET wave = 2").as_deref(), Some("update intent"));
    }

    #[test]
    fn every_file_is_used_and_reads_no_clock() {
        let listed: std::collections::BTreeSet<String> =
            ALL.iter().map(|(file, _)| format!("{file}.sql")).collect();
        let folder = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/queries")).expect("folder");
        let found =
            folder.map(|entry| entry.expect("entry").file_name().to_string_lossy().into_owned()).collect();
        assert_eq!(listed, found);
        for (file, sql) in ALL {
            let lower = sql.to_lowercase();
            let clocks = ["current_time", "datetime(", "strftime(", "unixepoch(", "julianday(", "random("];
            assert!(!clocks.iter().any(|clock| lower.contains(clock)), "{file}");
        }
    }
}
