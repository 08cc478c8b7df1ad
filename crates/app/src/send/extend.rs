//! A further wave: which recipients of the list are not in the release's audience yet, and their fields in the
//! order of the columns that were frozen with it.

use std::borrow::Cow;
use std::sync::Arc;

use domain::AudienceDigest;
use ledger::{ReleaseRow, Store, recipient_hash};

use super::Prepared;
use crate::error::AppError;
use crate::list::{Bits, FIELD_SEPARATOR, OwnedRow, stream};
use crate::release::ReleaseContent;

/// Keys that are looked up in one call: each call reads the whole audience once.
const LOOKUP_KEYS: usize = 200_000;

/// The recipients of a further wave.
pub struct Extension {
    new: Bits,
    /// Where each frozen column stands in the list; `None` when the order is the same.
    order: Option<Vec<usize>>,
    /// Their own count and digest.
    pub audience: AudienceDigest,
}

impl Extension {
    /// Reads the list against the audience.
    pub async fn find(store: &dyn Store, row: &ReleaseRow, prepared: &Prepared) -> Result<Self, AppError> {
        let (_, frozen) = ReleaseContent::stored(store.content_get(row.tenant, row.release).await?)?;
        let order = order_of(&frozen, &prepared.list.columns)?;
        let mut extension = Self { new: Bits::default(), order, audience: AudienceDigest::default() };
        let mut rows = stream(Arc::clone(&prepared.list), Arc::clone(&prepared.scan));
        let mut waiting: Vec<OwnedRow> = Vec::new();
        while let Some(batch) = rows.next().await {
            waiting.extend(batch);
            if waiting.len() >= LOOKUP_KEYS {
                extension.look_up(store, row, std::mem::take(&mut waiting)).await?;
            }
        }
        rows.finish().await?;
        extension.look_up(store, row, waiting).await?;
        Ok(extension)
    }

    /// True when the usable row of this index is new.
    pub fn holds(&self, index: u64) -> bool {
        self.new.get(index)
    }

    /// A record's fields in the frozen order.
    pub fn fields<'a>(&self, fields: &'a str) -> Cow<'a, str> {
        let Some(order) = &self.order else { return Cow::Borrowed(fields) };
        let values: Vec<&str> = fields.split(FIELD_SEPARATOR).collect();
        let ordered: Vec<&str> =
            order.iter().map(|place| values.get(*place).copied().unwrap_or_default()).collect();
        Cow::Owned(ordered.join("\u{1f}"))
    }

    async fn look_up(
        &mut self,
        store: &dyn Store,
        row: &ReleaseRow,
        rows: Vec<OwnedRow>,
    ) -> Result<(), AppError> {
        if rows.is_empty() {
            return Ok(());
        }
        let keys = rows.iter().map(|row| row.comparison_key.clone()).collect();
        let known = store.audience_contains(row.tenant, row.release, keys).await?;
        for (row, known) in rows.iter().zip(known) {
            if !known {
                self.new.set(row.index);
                self.audience.add(&recipient_hash(&row.address, &self.fields(&row.fields)));
            }
        }
        Ok(())
    }
}

fn order_of(frozen: &[String], given: &[String]) -> Result<Option<Vec<usize>>, AppError> {
    if frozen == given {
        return Ok(None);
    }
    let place = |name: &String| {
        given.iter().position(|column| column == name).ok_or_else(|| {
            AppError::BadInput(format!(
                "--extend: the list has no column `{name}`, which the release was frozen with; add it"
            ))
        })
    };
    frozen.iter().map(place).collect::<Result<_, _>>().map(Some)
}
