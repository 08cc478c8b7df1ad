//! What a server offers, asks for and puts up with.

use crate::Mechanism;

/// The extensions that are announced in the EHLO response; those that are off are refused when used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extensions {
    /// PIPELINING (RFC 2920). Pipelined input is processed in order in any case.
    pub pipelining: bool,
    /// 8BITMIME (RFC 6152).
    pub eight_bit_mime: bool,
    /// SMTPUTF8 (RFC 6531).
    pub smtputf8: bool,
    /// CHUNKING (RFC 3030).
    pub chunking: bool,
    /// STARTTLS (RFC 3207); announced while the link is in the clear.
    pub starttls: bool,
    /// ENHANCEDSTATUSCODES (RFC 2034).
    pub enhanced_status_codes: bool,
    /// SIZE (RFC 1870), with [`ServerConfig::size_max`].
    pub size: bool,
    /// The AUTH mechanisms (RFC 4954). CRAM-MD5 also needs [`super::Server::set_cram_challenge`].
    pub auth: Vec<Mechanism>,
}

/// What happens to content with a CR or LF that is no part of a CRLF. In no case does it end a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BareLineEnds {
    /// The message is refused with 550 (they are how mail is smuggled past a relay), after BDAT too: BINARYMIME is
    /// not offered.
    Refuse,
    /// The message is taken as it is.
    Allow,
}

/// How content reaches the shell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContentMode {
    /// Collected and unstuffed, as one [`super::Event::Message`].
    Whole,
    /// As it comes, without a copy: [`super::Event::Content`] slices, then [`super::Event::MessageEnd`].
    Slices,
}

/// What a server is told before it starts. Share one among sessions in an `Arc`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerConfig {
    /// The name in the greeting and the EHLO response.
    pub hostname: String,
    /// What is announced.
    pub extensions: Extensions,
    /// Octets of one message's content.
    pub size_max: u64,
    /// Octets of one command line, CRLF included.
    pub command_octets_max: usize,
    /// Recipients of one message.
    pub recipients_max: usize,
    /// Refused or unknown commands before the session is ended with 421.
    pub bad_commands_max: usize,
    /// Commands that lead nowhere (EHLO, RSET, NOOP, VRFY) since the last message before the session is ended with 421.
    pub idle_commands_max: usize,
    /// Takes the parameters of DSN (RFC 3461: RET, ENVID, NOTIFY, ORCPT) and does nothing with them. DSN is never
    /// announced: for servers that report by other means than mail.
    pub dsn_parameters: bool,
    /// Ends the session when DATA is refused and octets stand behind it. Nothing may (RFC 2920 section 3.1): they may
    /// be content, and its lines must not be taken for commands.
    pub expel_early_content: bool,
    /// No MAIL before AUTH.
    pub require_auth: bool,
    /// Nothing but EHLO, NOOP, STARTTLS and QUIT in the clear.
    pub require_tls: bool,
    /// Offers mechanisms that show the secret in the clear.
    pub auth_without_tls: bool,
    /// What happens to content with bare CR or LF.
    pub bare_line_ends: BareLineEnds,
    /// Refuses content with a NUL with 550: some servers drop the octet, and then find an end of data around it.
    pub refuse_nul: bool,
    /// How content reaches the shell.
    pub content: ContentMode,
}

impl ServerConfig {
    /// All extensions but STARTTLS and AUTH, 25 MiB a message, 1,000 recipients, strict line ends.
    #[must_use]
    pub fn new(hostname: impl Into<String>) -> Self {
        Self {
            hostname: hostname.into(),
            extensions: Extensions {
                pipelining: true,
                eight_bit_mime: true,
                smtputf8: true,
                chunking: true,
                starttls: false,
                enhanced_status_codes: true,
                size: true,
                auth: Vec::new(),
            },
            size_max: 25 * 1024 * 1024,
            command_octets_max: 2048,
            recipients_max: 1000,
            bad_commands_max: 20,
            idle_commands_max: usize::MAX,
            dsn_parameters: false,
            expel_early_content: false,
            require_auth: false,
            require_tls: false,
            auth_without_tls: false,
            bare_line_ends: BareLineEnds::Refuse,
            refuse_nul: false,
            content: ContentMode::Whole,
        }
    }
}
