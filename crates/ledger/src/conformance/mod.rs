//! The suite that every store must pass: a table of named cases over the store traits alone.
//!
//! A store's tests give a [`StoreMaker`] and run every [`Case`]. Behind each case the store's own check must find
//! nothing in the books that the case left, but for what the case says that it provoked. Nothing here knows a
//! database; damage that only raw access can do is tested by each store, which may use the [`Stage`] of the cases.

mod bench;
mod books;
mod census;
pub mod crowd;
mod directory;
mod documents;
mod evidence;
mod fence;
pub mod flood;
mod lease;
mod nodes;
mod plan;
mod retry;
mod settle;
mod stage;
mod stream;
mod tenants;

use std::pin::Pin;

pub use self::bench::{Bench, Breach, StoreMaker};
pub use self::stage::{Stage, at};

/// What a case ends with.
pub type Kept = Result<(), Breach>;

/// One promise that every store keeps.
pub struct Case {
    /// The promise.
    pub name: &'static str,
    run: for<'a> fn(&'a Bench<'a>) -> Pin<Box<dyn Future<Output = Kept> + Send + 'a>>,
}

impl Case {
    /// Runs the case on stores of `maker`, then has each of them check itself.
    ///
    /// # Errors
    /// What the store did not keep.
    pub async fn run(&self, maker: &dyn StoreMaker) -> Result<(), Breach> {
        let bench = Bench::new(maker);
        (self.run)(&bench).await?;
        bench.check_all().await
    }
}

macro_rules! cases {
    ($($module:ident: $($name:ident),+;)*) => {
        /// Every case.
        pub const CASES: &[Case] = &[$($(
            Case { name: stringify!($name), run: |bench| Box::pin($module::$name(bench)) }
        ),+),*];
    };
}

cases! {
    directory: a_tenant_is_found_by_its_name, a_relay_is_found_by_its_account, a_new_secret_is_the_next_version,
        releases_are_listed_newest_first, a_cancelled_release_stays_cancelled,
        a_pause_does_not_count_towards_the_deadline, a_release_is_rescheduled,
        the_use_of_a_relay_is_summed_by_second;
    plan: an_interrupted_plan_goes_on, a_seal_over_other_rows_is_refused, a_wave_extends_an_audience,
        suppressed_recipients_are_never_leased, seventy_thousand_intents_are_leased_once_each;
    lease: a_chunk_is_leased_once, retries_of_a_held_chunk_are_given_out, a_returned_chunk_is_due_or_done, a_return_under_another_lease_is_ignored,
        a_renewed_lease_lets_attempts_pass, everything_a_sender_holds_is_returned,
        a_release_that_is_not_active_is_not_leased;
    fence: an_attempt_needs_its_lease, a_takeover_fences_the_sender_before,
        a_living_lease_is_taken_over_by_an_owner_alone, a_hold_fences_at_once,
        a_breach_of_identity_leaves_nothing, an_attempt_is_stored_once;
    retry: a_deferred_mail_waits_for_its_time, a_permit_that_was_not_used_is_no_try, an_unknown_mail_is_held,
        an_unknown_mail_is_sent_once_more,
        an_open_attempt_is_not_tried_again, a_retry_with_another_body_is_found;
    settle: what_is_owed_is_settled, a_held_release_never_expires, a_leased_chunk_is_settled_after_its_return, an_unknown_mail_is_never_settled;
    evidence: a_late_reply_resolves_an_unknown, a_late_deferral_brings_the_chunk_back,
        a_second_entry_of_a_verdict_is_ignored, a_second_acceptance_is_a_duplicate, a_witness_is_stored_once,
        a_witness_of_another_tenant_is_refused, an_acceptance_outweighs_a_settlement, evidence_is_checked_by_the_schema;
    books: an_open_attempt_is_pending_or_unknown, counters_follow_the_statement, heads_grow_with_each_commit,
        a_forged_seal_is_found, the_same_calls_give_the_same_chains, recipients_are_listed_by_state,
        attempts_are_found_by_address, the_books_are_given_with_their_links;
    census: what_is_accounted_for_is_no_gap, what_nobody_has_in_hand_is_named, a_late_entry_is_accounted_for,
        the_books_alone_say_the_same, verdicts_are_counted_by_the_minute, a_sweep_finds_nothing_where_all_is_well;
    nodes: an_earlier_run_of_the_node_is_dead, a_returning_node_resolves_what_was_lost, senders_are_seen,
        work_is_listed_with_its_route, a_relay_is_shared;
    stream: a_wave_is_stored_sealed_and_due_at_once, a_wave_that_is_not_what_was_counted_leaves_nothing,
        a_wave_out_of_its_order_is_refused, a_wave_waits_for_its_time, a_stream_is_sent_and_its_statement_balances,
        parts_are_numbered_through_32_bits, streams_commit_side_by_side, a_held_stream_takes_mails_and_a_cancelled_one_none;
    documents: a_document_changes_from_the_version_that_was_seen, changes_are_made_together_or_not_at_all,
        documents_are_paged_and_belong_to_one_tenant, a_document_beyond_a_limit_is_refused,
        a_document_at_every_limit_is_kept, the_installation_has_documents_and_a_log, changes_are_made_in_their_order,
        of_two_writers_one_was_faster, the_log_is_a_chain_of_its_tenant;
    tenants: tenants_never_see_each_other, tenants_commit_side_by_side;
}
