//! The text of every statement: from `ledger-sqlite/queries` where both stores say the same, else from `queries/`.
//!
//! SQLite's parameters are `?1`, PostgreSQL's `$1`: shared texts are rewritten when this room is compiled. No statement
//! changes or deletes a row of the books, and each on tenant data names the tenant; tests of this module read them all
//! to see to it. What stands here itself is about transactions and the connection alone.

/// Names each file as a constant, and lists them for the tests below.
macro_rules! queries {
    ($($list:ident from $folder:literal { $($name:ident = $file:literal;)* })*) => {
        $($(pub(crate) const $name: &str = {
            const TEXT: &str = include_str!(concat!($folder, $file, ".sql"));
            const OCTETS: [u8; TEXT.len()] = numbered(TEXT);
            match std::str::from_utf8(&OCTETS) {
                Ok(text) => text,
                Err(_) => TEXT,
            }
        };)*

        #[cfg(test)]
        const $list: &[(&str, &str)] = &[$(($file, $name)),*];)*
    };
}

/// The text with `$` for each `?`.
const fn numbered<const N: usize>(text: &str) -> [u8; N] {
    let mut octets = [0; N];
    let mut at = 0;
    while at < N {
        let octet = text.as_bytes()[at];
        octets[at] = if octet == b'?' { b'$' } else { octet };
        at += 1;
    }
    octets
}

/// A transaction that writes; rows that it decides by are locked.
pub(crate) const TRANSACTION_WRITE: &str = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE";
/// A transaction that sees one state of the books. It holds no lock, and may think for long between two statements.
pub(crate) const TRANSACTION_READ: &str =
    "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL idle_in_transaction_session_timeout = 0";
/// The end of one that is durable.
pub(crate) const TRANSACTION_COMMIT: &str = "COMMIT";
/// The end of one that leaves no trace.
pub(crate) const TRANSACTION_ROLLBACK: &str = "ROLLBACK";

/// What each connection is set to. The tables grow from nothing within minutes, ahead of the server's statistics, and
/// every statement has its index: plans by those alone, made once, whatever the values. Waiting for a lock has an end; and so has holding one: a process that
/// is frozen or cut off within a transaction would keep all others from the rows that it locked.
pub(crate) const CONNECTION_SETTINGS: &str = "SET enable_seqscan = off; SET enable_hashjoin = off; \
    SET enable_mergejoin = off; SET jit = off; \
    SET plan_cache_mode = force_generic_plan; SET lock_timeout = '60s'; SET idle_in_transaction_session_timeout = '2s'";

queries! {
    OWN from "../queries/" {
    ACCESS = "access";
    ACCESS_STATE = "access_state";
    ATTEMPT_INSERT = "attempt_insert";
    ATTEMPT_WALK = "attempt_walk";
    AUDIT_LOCK = "audit_lock";
    BOOKS_EXTENT = "books_extent";
    CONTENT_PART_INSERT = "content_part_insert";
    COPY_INSERT = "copy_insert";
    DELIVERY_CHUNK_INSERT = "delivery_chunk_insert";
    DELIVERY_CHUNK_LEASE_DUE = "delivery_chunk_lease_due";
    DELIVERY_CHUNK_LOCK = "delivery_chunk_lock";
    DELIVERY_CHUNK_LOCK_DUE = "delivery_chunk_lock_due";
    DELIVERY_CHUNK_LOCK_HELD = "delivery_chunk_lock_held";
    DELIVERY_CHUNK_LOCK_RELEASE = "delivery_chunk_lock_release";
    DELIVERY_CHUNK_RENEW = "delivery_chunk_renew";
    DELIVERY_CHUNK_TAKE_OVER = "delivery_chunk_take_over";
    DELIVERY_CHUNK_TENANTS_ENDED = "delivery_chunk_tenants_ended";
    DELIVERY_CHUNK_TENANTS_HELD = "delivery_chunk_tenants_held";
    DOCUMENT_LOCK = "document_lock";
    INTENT_COUNT = "intent_count";
    INTENT_INSERT = "intent_insert";
    INTENT_OPEN_LIST = "intent_open_list";
    LINK_HEAD_LIST = "link_head_list";
    OUTCOME_INSERT = "outcome_insert";
    OUTCOME_STRAY_COUNT = "outcome_stray_count";
    OWED_LIST = "owed_list";
    OWED_LIST_ANY = "owed_list_any";
    OWED_RANGE = "owed_range";
    RECIPIENT_INSERT = "recipient_insert";
    RELAY_SHARE_LOCK = "relay_share_lock";
    RELAY_USE_DROP_BEFORE = "relay_use_drop_before";
    RELEASE_LIST_LOST = "release_list_lost";
    RELEASE_STATE_LOCK = "release_state_lock";
    RELEASE_STATE_SHARE = "release_state_share";
    REPLY_TEXT_INSERT = "reply_text_insert";
    RETRY_DUE_SET = "retry_due_set";
    SCHEMA_EXISTS = "schema_exists";
    SCHEMA_LOCK = "schema_lock";
    SCHEMA_UNLOCK = "schema_unlock";
    SCHEMA_VERSION = "schema_version";
    SCHEMA_VERSION_LAST = "schema_version_last";
    SENDER_INSERT = "sender_insert";
    SERVER_SETTINGS = "server_settings";
    STANDBY_STATE = "standby_state";
    WITNESS_INSERT = "witness_insert";
    WORK_NOTIFY = "work_notify";
    WRITER_NEXT = "writer_next";
    WRITE_MARK_DROP_BEFORE = "write_mark_drop_before";
    WRITE_MARK_SET = "write_mark_set";
    }
    SHARED from "../../ledger-sqlite/queries/" {
    ATTEMPT_BOOK_RANGE = "attempt_book_range";
    ATTEMPT_GET = "attempt_get";
    ATTEMPT_LIST = "attempt_list";
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
    CONTENT_PART_LIST = "content_part_list";
    CONTENT_PART_RANGE = "content_part_range";
    COPY_FIRST = "copy_first";
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
    DELIVERY_CHUNK_HASTEN = "delivery_chunk_hasten";
    DELIVERY_CHUNK_HOLE_LIST = "delivery_chunk_hole_list";
    DELIVERY_CHUNK_NEXT_NO = "delivery_chunk_next_no";
    DELIVERY_CHUNK_RETURN = "delivery_chunk_return";
    DELIVERY_CHUNK_UNACCOUNTED = "delivery_chunk_unaccounted";
    DELIVERY_CHUNK_UNACCOUNTED_OF = "delivery_chunk_unaccounted_of";
    DOCUMENT_DROP = "document_drop";
    DOCUMENT_GET = "document_get";
    DOCUMENT_INSERT = "document_insert";
    DOCUMENT_LIST = "document_list";
    DOCUMENT_SET = "document_set";
    INSTALLATION_GET = "installation_get";
    INSTALLATION_INSERT = "installation_insert";
    INSTALLATION_USE = "installation_use";
    INTENT_BOOK_RANGE = "intent_book_range";
    INTENT_LAST = "intent_last";
    INTENT_SUPPRESSED_RANGE = "intent_suppressed_range";
    INTENT_WALK = "intent_walk";
    LEASE_LOST_DROP = "lease_lost_drop";
    LEASE_LOST_INSERT = "lease_lost_insert";
    LEASE_LOST_LIST = "lease_lost_list";
    LINK_INSERT = "link_insert";
    LINK_LAST = "link_last";
    LINK_LIST_AFTER = "link_list_after";
    LINK_WALK = "link_walk";
    OUTCOME_BOOK_RANGE = "outcome_book_range";
    OUTCOME_COUNT_OF = "outcome_count_of";
    OUTCOME_LIST = "outcome_list";
    OUTCOME_WALK = "outcome_walk";
    RECIPIENT_GET = "recipient_get";
    RECIPIENT_RANGE = "recipient_range";
    RELAY_GET_BY_ACCOUNT = "relay_get_by_account";
    RELAY_INSERT = "relay_insert";
    RELAY_SHARE_DROP = "relay_share_drop";
    RELAY_SHARE_LIST = "relay_share_list";
    RELAY_SHARE_SET = "relay_share_set";
    RELAY_USE_ADD = "relay_use_add";
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
    RETRY_DUE_DROP = "retry_due_drop";
    RETRY_DUE_DROP_RANGE = "retry_due_drop_range";
    RETRY_DUE_GET = "retry_due_get";
    SENDER_GET = "sender_get";
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
    WITNESS_WALK = "witness_walk";
    WORK_LIST = "work_list";
    }
}

#[cfg(test)]
mod tests;
