//! Verifies a copy without the database: every link's root from its rows, every chain from its links, every end,
//! and the signature. What was changed, deleted or added is named by line, or by link and the lines of its rows.

use std::collections::BTreeMap;
use std::io::{BufRead, Read};

use aws_lc_rs::digest::{Context, SHA256};
use domain::{SenderEpoch, TenantId, Timestamp};
use ledger::{Book, Head, LinkBuilder};

use super::VERSION;
use super::line::{HeadLine, Line, LinkLine, RowLine, Signature, chain, octets};
use crate::error::{AppError, hex};
use crate::folder::is_signed;

/// Octets of a line.
const LINE_OCTETS_MAX: u64 = 1 << 20;
/// Findings that are kept; all are counted.
const FINDINGS_MAX: usize = 1000;

/// What a verification saw.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verified {
    /// Whose books they are, as the copy says.
    pub tenant: String,
    /// The key that signed, in hexadecimal.
    pub public_key: String,
    /// Rows.
    pub rows: u64,
    /// Links.
    pub links: u64,
    /// What is wrong; empty is good.
    pub findings: Vec<String>,
}

/// Reads a copy to its end. `pinned` is the public key that it must be signed with, if that is known.
///
/// # Errors
/// When the copy cannot be read; what is wrong in it is in the result.
pub fn verify(copy: &mut dyn BufRead, pinned: Option<[u8; 32]>) -> Result<Verified, AppError> {
    let mut reading = Reading::default();
    let mut context = Context::new(&SHA256);
    let mut number = 0;
    loop {
        let mut line = Vec::new();
        let read = (&mut *copy).take(LINE_OCTETS_MAX).read_until(b'\n', &mut line);
        if read.map_err(|reason| AppError::File { path: "the copy".into(), reason })? == 0 {
            break;
        }
        number += 1;
        match serde_json::from_slice(&line) {
            Ok(Line::Signature(signature)) if !reading.signed => {
                reading.signature(number, &signature, context.clone().finish().as_ref(), pinned);
            }
            Ok(parsed) => reading.take(number, parsed),
            Err(_) => reading.find(format!("line {number} is none of a copy's lines")),
        }
        context.update(&line);
    }
    Ok(reading.finish())
}

type Chain = (Book, SenderEpoch);

/// The rows of one link as they stand in the copy.
#[derive(Default)]
struct Rows {
    builder: LinkBuilder,
    lines: Option<(u64, u64)>,
}

#[derive(Default)]
struct Reading {
    verified: Verified,
    tenant: Option<TenantId>,
    rows: BTreeMap<(Chain, u32), Rows>,
    ends: BTreeMap<Chain, Head>,
    closed: Vec<Chain>,
    signed: bool,
}

impl Reading {
    fn find(&mut self, text: String) {
        if self.verified.findings.len() < FINDINGS_MAX {
            self.verified.findings.push(text);
        }
    }

    fn take(&mut self, number: u64, line: Line) {
        if self.signed {
            return self.find(format!("line {number} stands after the signature"));
        }
        match line {
            Line::Export(header) if number == 1 && header.version == VERSION => {
                self.tenant = header.tenant.parse().ok();
                self.verified.tenant = header.name;
            }
            Line::Export(_) => {
                self.find(format!("line {number}: a header of another version, or not at the start"))
            }
            Line::Row(row) => self.row(number, &row),
            Line::Link(link) => self.link(number, &link),
            Line::Head(head) => self.head(number, &head),
            Line::Signature(_) => self.find(format!("line {number}: a second signature")),
        }
    }

    fn row(&mut self, number: u64, line: &RowLine) {
        self.verified.rows += 1;
        let Some(tenant) = self.tenant else {
            return self.find(format!("line {number}: a row before a usable header"));
        };
        let Some((book, row)) = line.row(tenant) else {
            return self.find(format!("line {number}: a row with a value that has no meaning"));
        };
        let rows = self.rows.entry(((book, SenderEpoch(line.sender)), line.link)).or_default();
        row.add_to(tenant, &mut rows.builder);
        rows.lines = Some((rows.lines.map_or(number, |(first, _)| first), number));
    }

    fn link(&mut self, number: u64, line: &LinkLine) {
        self.verified.links += 1;
        let parsed = (chain(&line.book, line.sender), octets::<32>(&line.root), octets::<32>(&line.chain));
        let (Some(tenant), (Some(chain), Some(root), Some(value))) = (self.tenant, parsed) else {
            return self.find(format!("line {number}: a link with a value that has no meaning"));
        };
        let place = format!("link {} of {} by sender {} (line {number})", line.link, line.book, line.sender);
        let rows = self.rows.remove(&(chain, line.link)).unwrap_or_default();
        let lines = rows.lines.map_or_else(String::new, |(a, b)| format!(" in lines {a} to {b}"));
        if rows.builder.rows() != line.rows {
            let found = rows.builder.rows();
            self.find(format!(
                "{place} covers {} rows, and {found} stand{lines}: rows were added or deleted",
                line.rows
            ));
        } else if rows.builder.root() != root {
            self.find(format!("{place}: a row{lines} was changed"));
        }
        let head = self.ends.entry(chain).or_insert_with(|| Head::genesis(chain.0, tenant, chain.1));
        let (expected, next) = head.extend(line.rows, root, Timestamp::from_millis(line.at_ms));
        let follows = (expected.link_no, expected.chain) == (line.link, value);
        // Go on from what the copy says, so that one fault is one finding.
        *head = Head { link_no: line.link, chain: value, ..next };
        if !follows {
            self.find(format!(
                "{place} does not follow from the link before it: a link was changed or deleted"
            ));
        }
    }

    fn head(&mut self, number: u64, line: &HeadLine) {
        let (Some(chain), Some(value)) = (chain(&line.book, line.sender), octets::<32>(&line.chain)) else {
            return self.find(format!("line {number}: an end with a value that has no meaning"));
        };
        self.closed.push(chain);
        let ends = self.ends.get(&chain).map(|head| (head.link_no, head.rows, head.chain));
        if ends != Some((line.link, line.rows, value)) {
            self.find(format!(
                "line {number}: the chain of {} by sender {} does not end at its link {} with {} rows",
                line.book, line.sender, line.link, line.rows
            ));
        }
    }

    fn signature(&mut self, number: u64, line: &Signature, digest: &[u8], pinned: Option<[u8; 32]>) {
        self.signed = true;
        self.verified.public_key.clone_from(&line.public_key);
        let (key, signature) = (octets::<32>(&line.public_key), octets::<64>(&line.signature));
        let (Some(key), Some(signature)) = (key, signature) else {
            return self.find(format!("line {number}: a signature with a value that has no meaning"));
        };
        if pinned.is_some_and(|pinned| pinned != key) {
            self.find(format!("line {number}: the copy is signed with another key than the given one"));
        }
        if line.sha256 != hex(digest) || !is_signed(&key, digest, &signature) {
            self.find(format!("line {number}: the signature is not that of the lines before it"));
        }
    }

    fn finish(mut self) -> Verified {
        for ((chain, link), rows) in std::mem::take(&mut self.rows) {
            let (first, last) = rows.lines.unwrap_or_default();
            let (book, sender) = (chain.0.word(), chain.1);
            self.find(format!("lines {first} to {last}: rows of {book} by sender {sender} name link {link}, which is not there"));
        }
        let open: Vec<Chain> =
            self.ends.keys().filter(|chain| !self.closed.contains(chain)).copied().collect();
        for (book, sender) in open {
            self.find(format!("the end of the chain of {} by sender {sender} is not there", book.word()));
        }
        if !self.signed {
            self.find("the copy has no signature".to_owned());
        }
        self.verified
    }
}
