//! A text part: its MIME header and its encoded body, encoded at once when nothing in it is personal.
//!
//! The encoding ([`crate::transfer`]) is chosen by the text that is the same for all.

use super::RenderError;
use crate::piece::{Pieces, Values};
use crate::transfer::Encoding;

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
        let encoding = Encoding::of(pieces.literals());
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
