//! Whether an outcome's verdict has the evidence that it needs: the promises that the schema's CHECK constraints
//! keep when rows are written, looked at again in the rows that stand.

use domain::{Phase, ReplyCode, Verdict};

use crate::rows::OutcomeRow;

/// The invariant that an outcome breaks, and how; its text follows on "attempt … is".
pub(super) fn objection(row: &OutcomeRow) -> Option<(u8, &'static str)> {
    let answered_yes = row.code.is_some_and(ReplyCode::is_positive);
    let at_reply = row.phase == Phase::Reply;
    let answered_no_or_before =
        row.phase != Phase::Dot && !(at_reply && (row.code.is_none() || answered_yes));
    let tried = row.key.attempt.0 > 0;
    match row.verdict {
        Verdict::Accepted if !tried => Some((2, "accepted, and none was made")),
        Verdict::Accepted if !(at_reply && answered_yes) => {
            Some((2, "accepted without a 2xx reply to its message end"))
        }
        Verdict::Deferred if !tried => Some((4, "deferred, and none was made")),
        Verdict::Deferred if !answered_no_or_before => {
            Some((4, "deferred, and its message end may have arrived"))
        }
        Verdict::Rejected if !answered_no_or_before => {
            Some((4, "rejected, and its message end may have arrived"))
        }
        Verdict::Unknown if !(tried && row.phase >= Phase::Dot) => {
            Some((4, "unknown, and its message end was not on the wire"))
        }
        Verdict::Cancelled | Verdict::Expired if tried => Some((2, "settled, and it was made")),
        _ if !tried && row.phase != Phase::Permit => Some((2, "none, and has a dialogue")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::AttemptKey;
    use domain::{AttemptNo, IntentNo, ReleaseId, TenantId, Timestamp};

    fn blank(key: AttemptKey, verdict: Verdict) -> OutcomeRow {
        OutcomeRow {
            key,
            verdict,
            phase: Phase::Permit,
            code: None,
            enhanced: None,
            reply_digest: [0; 16],
            reply_text: String::new(),
            at: Timestamp::EPOCH,
            retry_at: None,
        }
    }

    fn check(verdict: Verdict, attempt: u16, phase: Phase, code: u16, expected: Option<u8>) {
        let attempt = AttemptNo(attempt);
        let key = AttemptKey { tenant: TenantId(1), release: ReleaseId(1), intent: IntentNo(1), attempt };
        let row = OutcomeRow { phase, code: ReplyCode::new(code), ..blank(key, verdict) };
        assert_eq!(objection(&row).map(|found| found.0), expected, "{row:?}");
    }

    #[test]
    fn verdicts_need_their_evidence() {
        check(Verdict::Accepted, 1, Phase::Reply, 250, None);
        check(Verdict::Accepted, 0, Phase::Reply, 250, Some(2));
        check(Verdict::Accepted, 1, Phase::Reply, 450, Some(2));
        check(Verdict::Accepted, 1, Phase::Dot, 250, Some(2));
        check(Verdict::Deferred, 1, Phase::Connect, 0, None);
        check(Verdict::Deferred, 1, Phase::Reply, 451, None);
        check(Verdict::Deferred, 1, Phase::Dot, 0, Some(4));
        check(Verdict::Deferred, 1, Phase::Reply, 0, Some(4));
        check(Verdict::Rejected, 0, Phase::Permit, 0, None);
        check(Verdict::Rejected, 1, Phase::Reply, 554, None);
        check(Verdict::Rejected, 1, Phase::Reply, 250, Some(4));
        check(Verdict::Unknown, 1, Phase::Dot, 0, None);
        check(Verdict::Unknown, 1, Phase::Data, 0, Some(4));
        check(Verdict::Expired, 0, Phase::Permit, 0, None);
        check(Verdict::Expired, 1, Phase::Permit, 0, Some(2));
        check(Verdict::Cancelled, 0, Phase::Mail, 0, Some(2));
    }

    #[test]
    fn an_accepted_mail_that_nobody_tried_is_said_to_be_that() {
        let attempt = AttemptNo(0);
        let key = AttemptKey { tenant: TenantId(1), release: ReleaseId(1), intent: IntentNo(1), attempt };
        let row =
            OutcomeRow { code: ReplyCode::new(250), phase: Phase::Reply, ..blank(key, Verdict::Accepted) };
        assert_eq!(objection(&row), Some((2, "accepted, and none was made")));
    }
}
