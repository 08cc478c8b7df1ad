//! How far an attempt got: the one word of evidence that decides whether a failure may be retried.

crate::coded! {
    /// The last step of an attempt that is known to have happened. The order is the order of a dialogue.
    ///
    /// Up to [`Phase::Data`] nothing of the message's end has left this machine, so the receiver cannot have taken
    /// it. At [`Phase::Dot`] it may have.
    pub enum Phase {
        /// The attempt was made durable, and nothing was sent for it.
        Permit = 0 => "permit",
        /// The TCP connection and the greeting.
        Connect = 1 => "connect",
        /// STARTTLS or the TLS handshake.
        Tls = 2 => "tls",
        /// EHLO and AUTH.
        Auth = 3 => "auth",
        /// MAIL FROM.
        Mail = 4 => "mail",
        /// RCPT TO.
        Rcpt = 5 => "rcpt",
        /// DATA or BDAT: the content, but not the whole of its end.
        Data = 6 => "data",
        /// The whole message end was handed to the kernel, or may have been.
        Dot = 7 => "dot",
        /// The server's reply to the message end arrived.
        Reply = 8 => "reply",
    }
}
