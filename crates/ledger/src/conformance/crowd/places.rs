//! Which releases there are, of whom, how large, and what each lost.

use domain::{IntentNo, ReleaseId, TenantId};

use super::{CrowdRelease, CrowdSize, INCIDENT_BANDS, INCIDENT_INTENTS, INCIDENT_LOST};

/// Releases of the whole incident, and client companies; of those 1,187 lost something.
const RELEASES: u64 = 12_000;
const TENANTS: u64 = 2_400;
const LOSING_TENANTS: u64 = 1_187;

/// How many mails each losing release lost, band by band.
#[must_use]
pub fn losses() -> Vec<u32> {
    let mut losses: Vec<u32> = Vec::new();
    for (count, least, _) in INCIDENT_BANDS {
        losses.extend((0..count).map(|_| least));
    }
    // What is left is spread over all bands below the last, one by one, up to the middle of each.
    let mut left = INCIDENT_LOST - losses.iter().sum::<u32>();
    for round in 0.. {
        let mut at = 0;
        for (count, least, most) in INCIDENT_BANDS {
            for loss in &mut losses[at..at + count as usize] {
                if left > 0 && round < (most - least) && *loss < most {
                    *loss += 1;
                    left -= 1;
                }
            }
            at += count as usize;
        }
        if left == 0 || round > 25 {
            break;
        }
    }
    losses
}

pub(super) fn releases(size: CrowdSize) -> Vec<CrowdRelease> {
    let scaled = |whole: u64| (whole * size.intents / INCIDENT_INTENTS).max(1);
    let count = scaled(RELEASES).max(12);
    let (tenants, losing_tenants) = (scaled(TENANTS).max(4), scaled(LOSING_TENANTS).max(2));
    let losses = if size.lossy { some_of(&losses(), scaled(1570).max(6)) } else { Vec::new() };
    let mut releases: Vec<CrowdRelease> = (0..count)
        .map(|place| {
            let loss = usize::try_from(place).ok().and_then(|at| losses.get(at)).copied().unwrap_or(0);
            let of = if loss > 0 { place % losing_tenants } else { place % tenants };
            let intents = u32::try_from(share(size.intents, count, place)).unwrap_or(u32::MAX);
            CrowdRelease {
                tenant: TenantId(1 + of),
                release: ReleaseId(1 + place),
                intents,
                lost: lost(intents, loss),
                in_flight: place + 1 == count,
                place: u32::try_from(place).unwrap_or(0),
            }
        })
        .collect();
    releases.sort_by_key(|release| (release.tenant, release.release));
    releases
}

/// So many of the losses, of each band some, the largest always.
fn some_of(losses: &[u32], count: u64) -> Vec<u32> {
    let count = usize::try_from(count).unwrap_or(usize::MAX).min(losses.len());
    let step = |at: usize| losses[losses.len() - 1 - at * losses.len() / count];
    let mut some: Vec<u32> = (0..count).map(step).collect();
    some.reverse();
    some
}

/// A release's part of all mails: between a tenth and nearly two times the even one; pairs make up for each other.
fn share(intents: u64, count: u64, place: u64) -> u64 {
    let even = intents / count;
    let pairs = count / 2 * 2;
    let off = (place / 2 * 37) % (even * 9 / 10).max(1);
    match place {
        _ if place >= pairs => even,
        // The first takes what does not divide.
        0 => even + intents % count,
        1 => even,
        _ if place.is_multiple_of(2) => even + off,
        _ => even - off,
    }
}

/// Spread over the whole release.
fn lost(intents: u32, loss: u32) -> Vec<IntentNo> {
    let loss = loss.min(intents);
    (0..loss)
        .map(|at| {
            IntentNo(1 + u32::try_from(u64::from(at) * u64::from(intents) / u64::from(loss)).unwrap_or(0))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::census::bands;

    #[test]
    fn the_losses_are_the_incidents() {
        let losses = losses();
        assert_eq!((losses.len(), losses.iter().sum::<u32>()), (1570, INCIDENT_LOST));
        assert_eq!(bands(losses.into_iter().map(u64::from)), [1312, 165, 77, 8, 7, 1]);
    }

    #[test]
    fn a_crowd_has_the_mails_that_were_asked_for() {
        for intents in [20_000, 100_001, INCIDENT_INTENTS] {
            let releases = releases(CrowdSize { intents, lossy: true });
            assert_eq!(releases.iter().map(|release| u64::from(release.intents)).sum::<u64>(), intents);
        }
        let whole = releases(CrowdSize { intents: INCIDENT_INTENTS, lossy: true });
        let lossy: Vec<_> = whole.iter().filter(|release| !release.lost.is_empty()).collect();
        let mut tenants: Vec<_> = lossy.iter().map(|release| release.tenant).collect();
        tenants.dedup();
        assert_eq!((lossy.len(), tenants.len()), (1570, 1187));
        assert_eq!(lossy.iter().map(|release| release.lost.len()).sum::<usize>(), INCIDENT_LOST as usize);
    }
}
