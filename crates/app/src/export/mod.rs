//! A signed copy of a tenant's books, for the tenant: JSON lines that can be verified without the database.
//!
//! First a header, then rows of all books in key order, then links and heads of all chains, last the signature
//! over the SHA-256 of everything before it. Books hold no address, subject or reply text, so neither does a copy.
//! Rows that are written while the copy is made are left out: it ends where the chains ended at its start.

mod line;
mod verify;

use std::collections::HashMap;
use std::io::{self, Write};
use std::path::Path;

use aws_lc_rs::digest::{Context, SHA256};
use domain::{IntentNo, ReleaseId, SenderEpoch};
use ledger::{Book, Head, Store};
use runtime::Clock;
use serde::Serialize;

use crate::access::{Access, Right};
use crate::error::{AppError, hex};
use crate::folder::SigningKey;
use line::{HeadLine, Header, Line, LinkLine, RowLine, Signature};

pub use line::octets;
pub use verify::{Verified, verify};

/// Intents whose rows are read at a time.
const RANGE: u32 = 10_000;
/// Links read at a time.
const LINKS: u32 = 10_000;
/// The format's version.
const VERSION: u32 = 1;

/// Writes a tenant's books; gives how many rows.
///
/// # Errors
/// When the books cannot be read or the copy cannot be written.
pub async fn export(
    store: &dyn Store,
    access: &Access,
    dir: &Path,
    clock: &dyn Clock,
    out: &mut dyn Write,
) -> Result<u64, AppError> {
    let tenant = access.require(Right::Read)?;
    let key = SigningKey::read(dir)?;
    let heads: Vec<Head> = store.heads().await?.into_iter().filter(|head| head.tenant == tenant).collect();
    let mut copy = Copy { out, context: Context::new(&SHA256), rows: 0 };
    let header = Header {
        version: VERSION,
        tenant: tenant.to_string(),
        name: access.tenant_name().to_owned(),
        at: clock.now().to_string(),
    };
    copy.write(&Line::Export(header))?;
    let mut releases: Vec<ReleaseId> =
        store.release_list(tenant).await?.into_iter().map(|(row, _)| row.release).collect();
    releases.sort_unstable();
    let ends = heads.iter().map(|head| ((head.book, head.sender), head.link_no)).collect();
    for release in releases {
        copy.release(store, access, release, &ends).await?;
    }
    for head in &heads {
        copy.chain(store, head).await?;
    }
    copy.sign(&key)
}

struct Copy<'a> {
    out: &'a mut dyn Write,
    context: Context,
    rows: u64,
}

type Ends = HashMap<(Book, SenderEpoch), u32>;

impl Copy<'_> {
    async fn release(
        &mut self,
        store: &dyn Store,
        access: &Access,
        release: ReleaseId,
        ends: &Ends,
    ) -> Result<(), AppError> {
        let mut first = IntentNo(1);
        loop {
            let last = IntentNo(first.0.saturating_add(RANGE - 1));
            let mut intents = 0;
            for book in Book::ALL {
                let rows = store.book_rows(access.tenant(), release, book, first, last).await?;
                if book == Book::Intents {
                    intents = rows.len();
                }
                for row in rows {
                    let end = ends.get(&(book, row.sender)).copied().unwrap_or(0);
                    if row.link_no <= end {
                        self.rows += 1;
                        self.write(&Line::Row(RowLine::of(&row)))?;
                    }
                }
            }
            if intents < RANGE as usize {
                return Ok(());
            }
            first = IntentNo(last.0 + 1);
        }
    }

    async fn chain(&mut self, store: &dyn Store, head: &Head) -> Result<(), AppError> {
        let mut after = 0;
        while after < head.link_no {
            let links = store.link_rows(head.tenant, head.book, head.sender, after, LINKS).await?;
            let Some(last) = links.last() else { break };
            after = last.link_no;
            for link in links.iter().filter(|link| link.link_no <= head.link_no) {
                self.write(&Line::Link(LinkLine::of(link)))?;
            }
        }
        self.write(&Line::Head(HeadLine::of(head)))
    }

    fn sign(mut self, key: &SigningKey) -> Result<u64, AppError> {
        let digest = std::mem::replace(&mut self.context, Context::new(&SHA256)).finish();
        let signature = Signature {
            sha256: hex(digest.as_ref()),
            public_key: hex(&key.public_key()),
            signature: hex(&key.sign(digest.as_ref())),
        };
        self.write(&Line::Signature(signature))?;
        self.out.flush().map_err(refused)?;
        Ok(self.rows)
    }

    fn write(&mut self, line: &impl Serialize) -> Result<(), AppError> {
        let mut text = serde_json::to_vec(line).map_err(|error| refused(error.into()))?;
        text.push(b'\n');
        self.context.update(&text);
        self.out.write_all(&text).map_err(refused)
    }
}

fn refused(reason: io::Error) -> AppError {
    AppError::File { path: "the copy".into(), reason }
}
