//! What a reconciliation found, as lines and as JSON.

use app::census::{Disagreement, Reconciliation};
use domain::Verdict;
use ledger::census::BANDS;
use ledger::{BooksGap, Place, ReleaseGap, VerdictBucket};
use serde_json::{Map, Value, json};

/// Releases printed; the rest is counted.
const RELEASES_MAX: usize = 10_000;
/// Intents named in a line.
const IDS_IN_LINE: usize = 20;

/// For people.
pub fn lines(found: &Reconciliation) -> Vec<String> {
    let unsent: Vec<&ReleaseGap> = found.releases.iter().filter(|gap| gap.unsent() > 0).collect();
    let mut lines: Vec<String> =
        unsent.iter().take(RELEASES_MAX).map(|gap| release_line(found, gap)).collect();
    if let Some(more) = unsent.len().checked_sub(RELEASES_MAX).filter(|more| *more > 0) {
        lines.push(format!("{more} more releases are not listed"));
    }
    for (at, count) in found.bands.iter().enumerate().filter(|(_, count)| **count > 0) {
        lines.push(format!("{count} releases with {} mails in nobody's hand", band(at)));
    }
    for bucket in found.times.iter().flat_map(|(_, buckets)| buckets) {
        let counts = Verdict::ALL.iter().zip(bucket.verdicts).filter(|(_, count)| *count > 0);
        let counts: Vec<_> = counts.map(|(verdict, count)| format!("{verdict} {count}")).collect();
        lines.push(format!("{}: {}", bucket.at, counts.join(", ")));
    }
    if let Some((books, differ)) = &found.books {
        lines.extend(differ.iter().take(RELEASES_MAX).map(disagreement_line));
        lines.push(format!(
            "by the books alone: {} releases, {} intents, {} releases with anything open, {} that differ",
            books.releases,
            books.intents,
            books.gaps.len(),
            differ.len()
        ));
    }
    lines.push(total_line(found, unsent.len()));
    lines
}

fn release_line(found: &Reconciliation, gap: &ReleaseGap) -> String {
    let tenant = found.tenants.get(&gap.tenant).map_or("", String::as_str);
    let ids: Vec<_> = gap.ids.iter().take(IDS_IN_LINE).map(ToString::to_string).collect();
    let rest = gap.unsent().saturating_sub(ids.len() as u64);
    let more = if rest > 0 { format!(" and {rest} more") } else { String::new() };
    format!(
        "{tenant}: {} ({}): {} missing, {} overdue: {}{more}",
        gap.release,
        gap.state.word(),
        gap.at(Place::Missing),
        gap.at(Place::Overdue),
        ids.join(" ")
    )
}

fn disagreement_line(differ: &Disagreement) -> String {
    let BooksGap { tenant, release, audience, intents, waves_differ, without_attempt, open, .. } =
        &differ.books;
    format!(
        "{tenant} {release}: the books have {open} open and the small tables {}; audience {audience}, intents {intents}, \
         waves with other recipients {waves_differ}, outcomes without attempt {without_attempt}",
        differ.known_open
    )
}

fn total_line(found: &Reconciliation, unsent: usize) -> String {
    let uncounted = match found.uncounted {
        0 => String::new(),
        chunks => format!("; the accounts of {chunks} chunks are to be made anew"),
    };
    format!(
        "{unsent} releases with mails in nobody's hand: {} missing, {} overdue; {} in flight, {} waiting{uncounted}",
        found.at(Place::Missing),
        found.at(Place::Overdue),
        found.at(Place::InFlight),
        found.at(Place::Waiting)
    )
}

/// A band's words; see [`BANDS`].
fn band(at: usize) -> String {
    let from = at.checked_sub(1).map_or(0, |before| BANDS[before]) + 1;
    BANDS.get(at).map_or_else(|| format!("{from} or more"), |to| format!("{from} to {to}"))
}

/// For programs.
pub fn object(found: &Reconciliation) -> Value {
    let unsent: Vec<&ReleaseGap> = found.releases.iter().filter(|gap| gap.unsent() > 0).collect();
    let named: usize = unsent.iter().map(|gap| gap.ids.len()).sum();
    let in_nobodys_hand: u64 = unsent.iter().map(|gap| gap.unsent()).sum();
    let [census, times, books] = found.took.map(|span| span.as_secs_f64());
    let mut object = json!({
        "releases_unsent": unsent.len(),
        "unsent": in_nobodys_hand,
        "ids_left_out": in_nobodys_hand.saturating_sub(named as u64),
        "uncounted_chunks": found.uncounted,
        "bands": found.bands.iter().enumerate().map(|(at, releases)| {
            let from = at.checked_sub(1).map_or(0, |before| BANDS[before]) + 1;
            json!({ "from": from, "to": BANDS.get(at), "releases": releases })
        }).collect::<Value>(),
        "releases": unsent.iter().take(RELEASES_MAX).map(|gap| release(found, gap)).collect::<Value>(),
        "seconds": { "census": census, "times": times, "books": books },
    });
    if let Value::Object(map) = &mut object {
        for place in Place::ALL {
            map.insert(place.word().replace(' ', "_"), found.at(place).into());
        }
        put_times(map, found);
        put_books(map, found);
    }
    object
}

fn release(found: &Reconciliation, gap: &ReleaseGap) -> Value {
    json!({
        "tenant": found.tenants.get(&gap.tenant),
        "tenant_id": gap.tenant.to_string(),
        "release_id": gap.release.to_string(),
        "state": gap.state.word(),
        "missing": gap.at(Place::Missing),
        "overdue": gap.at(Place::Overdue),
        "in_flight": gap.at(Place::InFlight),
        "waiting": gap.at(Place::Waiting),
        "intents": gap.ids.iter().map(|intent| intent.0).collect::<Vec<_>>(),
    })
}

fn put_times(map: &mut Map<String, Value>, found: &Reconciliation) {
    let Some((bucket_minutes, buckets)) = &found.times else { return };
    let bucket = |bucket: &VerdictBucket| {
        let mut counts = Map::new();
        counts.insert("at".to_owned(), bucket.at.to_string().into());
        for (verdict, count) in Verdict::ALL.iter().zip(bucket.verdicts) {
            counts.insert(verdict.to_string(), count.into());
        }
        Value::Object(counts)
    };
    map.insert("bucket_minutes".to_owned(), (*bucket_minutes).into());
    map.insert("times".to_owned(), buckets.iter().map(bucket).collect());
}

fn put_books(map: &mut Map<String, Value>, found: &Reconciliation) {
    let Some((books, differ)) = &found.books else { return };
    let open: u64 = books.gaps.iter().map(|gap| gap.open).sum();
    let differ = differ.iter().take(RELEASES_MAX).map(|one| {
        json!({
            "tenant_id": one.books.tenant.to_string(),
            "release_id": one.books.release.to_string(),
            "audience": one.books.audience,
            "rows": one.books.intents,
            "waves_differ": one.books.waves_differ,
            "without_attempt": one.books.without_attempt,
            "open": one.books.open,
            "known_open": one.known_open,
            "intents": one.books.ids.iter().map(|intent| intent.0).collect::<Vec<_>>(),
        })
    });
    let books = json!({
        "releases": books.releases,
        "intents": books.intents,
        "releases_open": books.gaps.len(),
        "open": open,
        "differ": differ.collect::<Value>(),
    });
    map.insert("books".to_owned(), books);
}
