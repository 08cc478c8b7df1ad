//! A text part: its MIME header and its encoded body, encoded at once when nothing in it is personal.
//!
//! Base64 where much is not ASCII (Japanese), quoted-printable elsewhere. Neither can hold `=_`, with which every
//! boundary of ours starts.

use mail_builder::encoders::base64::Base64Encoder;
use mail_builder::encoders::quoted_printable::QuotedPrintableEncoder;

use super::RenderError;
use crate::piece::{Pieces, Values};

/// A transfer encoding (RFC 2045 section 6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    Base64,
    QuotedPrintable,
}

/// One part with the delimiter before it.
pub(super) struct Part {
    /// Delimiter, MIME header, blank line.
    opening: Vec<u8>,
    body: Body,
}

enum Body {
    Fixed(Vec<u8>),
    Personal { pieces: Pieces, encoding: Encoding, literal_octets: usize },
}

impl Part {
    /// A part of `text/<subtype>` behind `boundary`.
    pub(super) fn new(boundary: &str, subtype: &str, pieces: Pieces) -> Self {
        let encoding = Encoding::for_text(&pieces);
        let opening = format!(
            "--{boundary}\r\nContent-Type: text/{subtype}; charset=utf-8\r\nContent-Transfer-Encoding: {}\r\n\r\n",
            encoding.name()
        );
        let body = match pieces.fixed() {
            Some(text) => {
                let mut encoded = Vec::new();
                encoding.encode(text.as_bytes(), &mut encoded);
                Body::Fixed(encoded)
            }
            None => {
                Body::Personal { encoding, literal_octets: pieces.literals().map(str::len).sum(), pieces }
            }
        };
        Self { opening: opening.into_bytes(), body }
    }

    /// Appends the part; `scratch` is emptied and used for the text before it is encoded.
    pub(super) fn write<S: AsRef<str>>(
        &self,
        values: &Values<'_, S>,
        scratch: &mut String,
        out: &mut Vec<u8>,
    ) -> Result<(), RenderError> {
        out.extend_from_slice(&self.opening);
        match &self.body {
            Body::Fixed(encoded) => out.extend_from_slice(encoded),
            Body::Personal { pieces, encoding, literal_octets } => {
                scratch.clear();
                scratch.reserve(literal_octets + 256);
                pieces.write(values, scratch)?;
                encoding.encode(scratch.as_bytes(), out);
            }
        }
        Ok(())
    }

    /// Octets that it will take, roughly.
    pub(super) fn size_hint(&self) -> usize {
        self.opening.len()
            + match &self.body {
                Body::Fixed(encoded) => encoded.len(),
                Body::Personal { literal_octets, .. } => literal_octets * 3 / 2 + 512,
            }
    }
}

impl Encoding {
    /// Base64 costs a third; quoted-printable twice each octet that is not ASCII.
    fn for_text(pieces: &Pieces) -> Self {
        let octets: usize = pieces.literals().map(str::len).sum();
        let high: usize = pieces.literals().map(|l| l.bytes().filter(|b| !b.is_ascii()).count()).sum();
        if octets == 0 || high * 6 > octets { Self::Base64 } else { Self::QuotedPrintable }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Base64 => "base64",
            Self::QuotedPrintable => "quoted-printable",
        }
    }

    /// Appends `text`, whose line breaks are CRLF, encoded and ended with a line break.
    fn encode(self, text: &[u8], out: &mut Vec<u8>) {
        match self {
            Self::Base64 => {
                Base64Encoder::new().wrap_lines().encode_into(text, out);
                if !out.ends_with(b"\r\n") {
                    out.extend_from_slice(b"\r\n");
                }
            }
            Self::QuotedPrintable => {
                QuotedPrintableEncoder::new().preserve_line_breaks().encode_into(text, out);
                out.extend_from_slice(b"\r\n");
            }
        }
    }
}
