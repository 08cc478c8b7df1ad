//! Why a desk says no, as the SMTP reply that the client gets.
//!
//! Invariant: a refusal's code is 4xx or 5xx, and its enhanced status is of the same class (RFC 3463 section 3.1).

use domain::{EnhancedStatus, Reply, ReplyCode};

/// A 4xx or 5xx reply. Its text is for the client's operator: it names what is wrong and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal(Reply);

/// A reply that refuses nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the reply is no refusal: it needs a code from 400 to 599 and an enhanced status of the same class")]
pub struct NotARefusal;

impl Refusal {
    /// From a whole reply.
    ///
    /// # Errors
    /// When the code is neither 4xx nor 5xx, or the enhanced status is absent or of another class.
    pub fn new(reply: Reply) -> Result<Self, NotARefusal> {
        let class = u16::from(reply.enhanced.ok_or(NotARefusal)?.class);
        let refuses = reply.code.is_transient() || reply.code.is_permanent();
        if refuses && class == reply.code.get() / 100 { Ok(Self(reply)) } else { Err(NotARefusal) }
    }

    /// 550 5.7.1: this account may not do that.
    #[must_use]
    pub fn not_allowed(text: impl Into<String>) -> Self {
        Self::permanent(const { code(550) }, (7, 1), text)
    }

    /// 550 5.6.0: the content cannot be taken as it is.
    #[must_use]
    pub fn content(text: impl Into<String>) -> Self {
        Self::permanent(const { code(550) }, (6, 0), text)
    }

    /// 552 5.3.4: too large, or too much of something in one message.
    #[must_use]
    pub fn too_large(text: impl Into<String>) -> Self {
        Self::permanent(const { code(552) }, (3, 4), text)
    }

    /// 450 4.7.1: the account has sent as much as it may for now.
    #[must_use]
    pub fn over_quota(text: impl Into<String>) -> Self {
        Self::transient(const { code(450) }, (7, 1), text)
    }

    /// 451 4.3.0: something failed here; the client tries again later.
    #[must_use]
    pub fn try_later(text: impl Into<String>) -> Self {
        Self::transient(const { code(451) }, (3, 0), text)
    }

    /// 452 4.3.1: no room now.
    #[must_use]
    pub fn full(text: impl Into<String>) -> Self {
        Self::transient(const { code(452) }, (3, 1), text)
    }

    /// 421 4.7.0: the session ends with this.
    pub(crate) fn expel(text: impl Into<String>) -> Self {
        Self::transient(const { code(421) }, (7, 0), text)
    }

    /// 421 4.3.2: the service is going away.
    pub(crate) fn going_away() -> Self {
        Self::transient(const { code(421) }, (3, 2), "Service is shutting down; connect again in a moment")
    }

    /// 421 4.4.2: the client took too long.
    pub(crate) fn late() -> Self {
        Self::transient(const { code(421) }, (4, 2), "Timeout; connect again")
    }

    /// 454 4.7.0 (RFC 4954 section 6).
    pub(crate) fn login_unavailable() -> Self {
        Self::transient(const { code(454) }, (7, 0), "Temporary authentication failure; try again later")
    }

    /// 535 5.7.8 (RFC 4954 section 6).
    pub(crate) fn login_rejected() -> Self {
        Self::permanent(const { code(535) }, (7, 8), "Authentication credentials invalid; check user and key")
    }

    /// 501 5.1.7 or 5.1.3: no usable address.
    pub(crate) fn address(detail: u16, error: domain::AddressError) -> Self {
        Self::permanent(const { code(501) }, (1, detail), error.to_string())
    }

    /// The reply.
    #[must_use]
    pub const fn reply(&self) -> &Reply {
        &self.0
    }

    /// True for 4xx: the client may try again.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        self.0.code.is_transient()
    }

    fn permanent(code: ReplyCode, status: (u16, u16), text: impl Into<String>) -> Self {
        Self::of_class(5, code, status, text.into())
    }

    fn transient(code: ReplyCode, status: (u16, u16), text: impl Into<String>) -> Self {
        Self::of_class(4, code, status, text.into())
    }

    fn of_class(class: u8, code: ReplyCode, (subject, detail): (u16, u16), text: String) -> Self {
        Self(Reply { code, enhanced: Some(EnhancedStatus { class, subject, detail }), text })
    }
}

/// The 250 of a message that is durable.
pub(crate) fn queued(id: &str) -> Reply {
    let enhanced = Some(EnhancedStatus { class: 2, subject: 0, detail: 0 });
    Reply { code: const { code(250) }, enhanced, text: format!("Ok: queued as {id}") }
}

/// Checked at compile time where it is used for a constant.
const fn code(number: u16) -> ReplyCode {
    match ReplyCode::new(number) {
        Some(code) => code,
        None => panic!("not a reply code"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_refusals_are_taken() {
        let check = |number, status: Option<&str>, fine: bool| {
            let reply = Reply {
                code: ReplyCode::new(number).expect("a code"),
                enhanced: status.map(|text| text.parse().expect("a status")),
                text: String::new(),
            };
            assert_eq!(Refusal::new(reply).is_ok(), fine, "{number} {status:?}");
        };
        check(550, Some("5.7.1"), true);
        check(451, Some("4.3.0"), true);
        check(451, Some("5.3.0"), false);
        check(550, None, false);
        check(250, Some("2.0.0"), false);
        check(354, Some("4.0.0"), false);
    }

    #[test]
    fn the_named_ones_are_refusals() {
        for refusal in [
            Refusal::not_allowed("a"),
            Refusal::content("a"),
            Refusal::too_large("a"),
            Refusal::over_quota("a"),
            Refusal::try_later("a"),
            Refusal::full("a"),
            Refusal::expel("a"),
            Refusal::going_away(),
            Refusal::late(),
            Refusal::login_unavailable(),
            Refusal::login_rejected(),
            Refusal::address(3, domain::AddressError::NoAt),
        ] {
            assert_eq!(Refusal::new(refusal.reply().clone()), Ok(refusal));
        }
    }
}
