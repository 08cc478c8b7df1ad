//! How a text travels: base64 where much is not ASCII (Japanese), quoted-printable elsewhere.
//!
//! Neither can hold `=_`, with which every boundary of ours starts, and neither has a line over 76 octets.

use mail_builder::encoders::base64::Base64Encoder;
use mail_builder::encoders::quoted_printable::QuotedPrintableEncoder;

/// A transfer encoding (RFC 2045 section 6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    Base64,
    QuotedPrintable,
}

impl Encoding {
    /// For a text in pieces. Base64 costs a third; quoted-printable twice each octet that is not ASCII. Control
    /// characters, which quoted-printable would leave bare, are base64.
    pub(crate) fn of<'a>(pieces: impl Iterator<Item = &'a str>) -> Self {
        let (mut octets, mut high, mut controls) = (0_usize, 0_usize, 0_usize);
        for piece in pieces {
            octets += piece.len();
            high += piece.bytes().filter(|b| !b.is_ascii()).count();
            let is_control = |b: &u8| b.is_ascii_control() && !matches!(b, b'\t' | b'\r' | b'\n');
            controls += piece.as_bytes().iter().filter(|b| is_control(b)).count();
        }
        if octets == 0 || high * 6 > octets || controls > 0 { Self::Base64 } else { Self::QuotedPrintable }
    }

    /// As `Content-Transfer-Encoding` says it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Base64 => "base64",
            Self::QuotedPrintable => "quoted-printable",
        }
    }

    /// Appends `text`, whose line breaks are CRLF, encoded and ended with a line break.
    pub(crate) fn encode(self, text: &[u8], out: &mut Vec<u8>) {
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
