//! From what the SMTP client says of a mail to the entry in the books.

use std::time::Duration;

use domain::{Phase, Reply, RetrySchedule, Timestamp, UnknownPolicy, Verdict};
use ledger::{InstallationKey, OutcomeRow};
use smtp::client::{DeferCause, DeliveryResult, EndCause, SessionEnd};

use domain::breaker::SessionHealth;

use crate::compose::ReadyMail;

/// The longest reply or cause text that is kept, in octets.
const TEXT_OCTETS_MAX: usize = 1000;
/// A mail whose session ended before the server heard of it comes back this soon at first.
const UNHEARD_RETRY: Duration = Duration::from_secs(1);

/// The entry for a mail's result.
#[must_use]
pub fn outcome(
    mail: &ReadyMail,
    result: &DeliveryResult,
    key: &InstallationKey,
    now: Timestamp,
) -> OutcomeRow {
    let (verdict, phase, text, retry_at) = match result {
        DeliveryResult::Accepted(_) => (Verdict::Accepted, Phase::Reply, None, None),
        DeliveryResult::Rejected { phase, .. } => (Verdict::Rejected, after_reply(*phase), None, None),
        DeliveryResult::Unsendable(reason) => {
            (Verdict::Rejected, Phase::Permit, Some(reason.to_string()), None)
        }
        DeliveryResult::Deferred { phase, cause } => {
            let text = matches!(cause, DeferCause::SessionEnded(_)).then(|| cause.to_string());
            (Verdict::Deferred, after_reply(*phase), text, Some(now + deferral(mail, *phase, cause)))
        }
        DeliveryResult::Unknown { cause } => {
            (Verdict::Unknown, Phase::Dot, Some(cause.to_string()), resend_at(mail, now))
        }
    };
    let reply = result.reply();
    let mut text = text.unwrap_or_else(|| reply.map_or_else(String::new, Reply::to_string));
    text.truncate(text.floor_char_boundary(TEXT_OCTETS_MAX));
    OutcomeRow {
        key: mail.key,
        verdict,
        phase,
        code: reply.map(|reply| reply.code),
        enhanced: reply.and_then(|reply| reply.enhanced),
        reply_digest: reply.map_or([0; 16], |reply| key.reply_digest(reply.to_string().as_bytes())),
        reply_text: text,
        at: now,
        retry_at,
    }
}

/// The entry for a mail that had a permit and was never put on the wire.
#[must_use]
pub fn unused(mail: &ReadyMail, now: Timestamp) -> OutcomeRow {
    OutcomeRow {
        key: mail.key,
        verdict: Verdict::Deferred,
        phase: Phase::Permit,
        code: None,
        enhanced: None,
        reply_digest: [0; 16],
        reply_text: "the session ended before its turn came".to_owned(),
        at: now,
        retry_at: Some(now),
    }
}

/// The entry for a mail whose envelope was offered behind a message of which no reply came in time; `went_out` where
/// its commands were sent already.
#[must_use]
pub fn overtaken(mail: &ReadyMail, went_out: bool, now: Timestamp) -> OutcomeRow {
    OutcomeRow {
        phase: if went_out { Phase::Mail } else { Phase::Permit },
        reply_text: "no reply came to the message before it; it goes to another session".to_owned(),
        ..unused(mail, now)
    }
}

/// True when the server refused MAIL for its place in the dialogue (503), which says nothing of the mail.
#[must_use]
pub fn is_out_of_sequence(result: &DeliveryResult) -> bool {
    matches!(result, DeliveryResult::Rejected { phase: Phase::Mail, reply } if reply.code.get() == 503)
}

/// Why the relay refuses every mail of this session, when it asks for a login or for TLS first (530, RFC 4954 section 6
/// and RFC 3207 section 4): that says nothing of the mail.
#[must_use]
pub fn wants_other_session(result: &DeliveryResult) -> Option<String> {
    match result {
        DeliveryResult::Rejected { reply, .. } if reply.code.get() == 530 => Some(format!(
            "the relay takes no mail over such a session ({reply}); give user and password, and tls= as the relay \
             wants it, in the relay URL"
        )),
        _ => None,
    }
}

/// The entry for a mail that the SMTP client would not take.
#[must_use]
pub fn unfit(mail: &ReadyMail, reason: &str, now: Timestamp) -> OutcomeRow {
    let text = format!("the mail cannot be sent: {reason}");
    OutcomeRow { verdict: Verdict::Rejected, reply_text: text, retry_at: None, ..unused(mail, now) }
}

/// A reply to the message end puts the attempt at the last phase.
fn after_reply(phase: Phase) -> Phase {
    if phase == Phase::Dot { Phase::Reply } else { phase }
}

/// When an unknown may be sent once more: after one retry interval, if the policy allows and it was not yet.
fn resend_at(mail: &ReadyMail, now: Timestamp) -> Option<Timestamp> {
    let may = mail.work.policy == UnknownPolicy::ResendOnce && mail.unresolved_dots == 0;
    may.then(|| now + mail.work.retry.delay(mail.key.release, mail.key.intent, 1))
}

fn deferral(mail: &ReadyMail, phase: Phase, cause: &DeferCause) -> Duration {
    let unheard = match cause {
        DeferCause::SessionEnded(_) => phase <= Phase::Mail,
        DeferCause::Reply(reply) => phase == Phase::Mail && reply.code.get() == 421,
    };
    match (unheard, phase) {
        (true, Phase::Permit) => Duration::ZERO,
        (true, _) => {
            let initial = mail.work.retry.initial.min(UNHEARD_RETRY);
            mail.delay(RetrySchedule { initial, ..mail.work.retry })
        }
        (false, _) => mail.delay(mail.work.retry),
    }
}

/// What a session's end says of the relay; `carried` mails were accepted over it.
#[must_use]
pub fn health(end: &SessionEnd, carried: u32) -> SessionHealth {
    match &end.cause {
        EndCause::NotSmtp { .. }
        | EndCause::StartTlsNotOffered
        | EndCause::NoCommonMechanism { .. }
        | EndCause::PlaintextAuth { .. }
        | EndCause::UnsafeConfig(_) => SessionHealth::Hopeless,
        EndCause::TlsFailed(reason) if reason.contains("certificate") => SessionHealth::Hopeless,
        EndCause::Refused(reply) if end.phase == Phase::Auth && reply.code.is_permanent() => {
            SessionHealth::Hopeless
        }
        EndCause::Quit | EndCause::Abandoned => SessionHealth::Good,
        _ if carried > 0 => SessionHealth::Good,
        _ => SessionHealth::Failed,
    }
}

/// The end of a session in an operator's words, with the remedy where there is one.
#[must_use]
pub fn reason(end: &SessionEnd, user: Option<&str>) -> String {
    match &end.cause {
        EndCause::Refused(reply) if end.phase == Phase::Auth => format!(
            "the relay refused the credentials of user `{}` ({reply}); check the user name and the password",
            user.unwrap_or("")
        ),
        EndCause::StartTlsNotOffered => {
            format!("{}; use tls=implicit or, if you accept clear text, tls=none", end.cause)
        }
        EndCause::NotSmtp { .. } => format!("{}; check host and port", end.cause),
        EndCause::TlsFailed(_) => {
            format!("{}; check the host name, the certificate, and tls= in the relay URL", end.cause)
        }
        cause => format!("{} ({})", cause, end.phase),
    }
}
