//! The envelope of the mail that a client is handing in.
//!
//! Leaves to the dialogue who asks for what. Invariant: it holds checked addresses only, and knows what memory they take.

use domain::EmailAddress;

/// MAIL and RCPT so far.
#[derive(Default)]
pub(crate) struct Envelope {
    /// `None` for the empty return path.
    pub reverse_path: Option<EmailAddress>,
    pub recipients: Vec<EmailAddress>,
    pub eight_bit: bool,
    pub smtputf8: bool,
    /// MAIL was accepted.
    pub open: bool,
    text_octets: usize,
}

impl Envelope {
    /// Another recipient.
    pub fn add(&mut self, recipient: EmailAddress) {
        self.text_octets += recipient.as_str().len();
        self.recipients.push(recipient);
    }

    /// Octets of memory, or somewhat more.
    pub fn memory(&self) -> usize {
        self.text_octets + self.recipients.capacity() * size_of::<EmailAddress>()
    }
}
