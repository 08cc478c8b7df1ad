//! Where a run of intents may stand: behind those that stand, and a wave behind the sealed one before it.

use domain::IntentNo;

use crate::rows::IntentBatch;

impl IntentBatch {
    /// The first intent of a wave that starts behind the sealed one before it.
    ///
    /// # Errors
    /// In words, when it is not the next wave, or does not start there.
    pub fn starts_behind(&self, sealed: u16, last: IntentNo) -> Result<IntentNo, &'static str> {
        let first = self.intents.first().map(|row| row.intent);
        let is_next = sealed.checked_add(1) == Some(self.wave);
        let starts = first.filter(|first| is_next && last.0.checked_add(1) == Some(first.0));
        starts.ok_or("a wave starts where the sealed one before it ends")
    }

    /// Its first and last intent; last below first when it has none.
    #[must_use]
    pub fn range(&self) -> (u32, u32) {
        let ends = self.intents.first().zip(self.intents.last());
        ends.map_or((1, 0), |(first, last)| (first.intent.0, last.intent.0))
    }

    /// Those of its intents that are not owed, in order.
    #[must_use]
    pub fn suppressed(&self) -> Vec<u32> {
        let rows = self.intents.iter().filter(|row| row.suppression.is_some());
        rows.map(|row| row.intent.0).collect()
    }

    /// Its intents are numbered on from the last one that stands.
    ///
    /// # Errors
    /// In words, when they are not.
    pub fn follows(&self, last: u32) -> Result<(), String> {
        let mut numbers = last..=u32::MAX;
        numbers.next();
        let in_order = self.intents.iter().all(|row| numbers.next() == Some(row.intent.0));
        if in_order { Ok(()) } else { Err(format!("intents must follow number {last} without gaps")) }
    }
}

#[cfg(test)]
mod tests {
    use domain::{ReleaseId, SenderEpoch, TenantId, Timestamp};

    use super::*;
    use crate::rows::IntentRow;

    fn batch(wave: u16, intents: &[u32]) -> IntentBatch {
        let row = |number: &u32| IntentRow {
            intent: IntentNo(*number),
            address: String::new(),
            fields: String::new(),
            suppression: None,
        };
        let intents = intents.iter().map(row).collect();
        let (tenant, release, sender) = (TenantId(1), ReleaseId(1), SenderEpoch(1));
        IntentBatch { tenant, release, wave, sender, now: Timestamp::from_millis(0), intents }
    }

    #[test]
    fn a_batch_follows_what_stands_up_to_the_last_number() {
        assert_eq!(batch(2, &[8, 9]).starts_behind(1, IntentNo(7)), Ok(IntentNo(8)));
        for (wave, first, sealed, last) in [
            (3, 8, 1, 7),
            (1, 8, 1, 7),
            (2, 9, 1, 7),
            (2, 7, 1, 7),
            (u16::MAX, 8, u16::MAX, 7),
            (0, 8, u16::MAX, 7),
        ] {
            assert!(batch(wave, &[first]).starts_behind(sealed, IntentNo(last)).is_err(), "{wave} {first}");
        }
        assert!(batch(2, &[0]).starts_behind(1, IntentNo(u32::MAX)).is_err(), "there is no further intent");
        assert!(batch(2, &[]).starts_behind(1, IntentNo(7)).is_err());
        assert!(batch(1, &[8, 9]).follows(7).is_ok() && batch(1, &[]).follows(7).is_ok());
        assert!(batch(1, &[u32::MAX]).follows(u32::MAX - 1).is_ok());
        for (numbers, last) in
            [(&[8, 10][..], 7), (&[9], 7), (&[7], 7), (&[u32::MAX], u32::MAX), (&[0], u32::MAX)]
        {
            assert!(batch(1, numbers).follows(last).is_err(), "{numbers:?} behind {last}");
        }
    }
}
