//! What a send means beside what was frozen before: begin, go on, resume, extend, or refuse (S13).
//!
//! Pure: it looks at the tenant's releases and at digests, nothing else. A release is known by its name and the
//! digests of content and list.

use ledger::{ReleaseRow, ReleaseState};

use crate::error::{AppError, ChangedError, short_digest};

/// What is wanted when a release of the same name stands in the folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Again {
    /// Finish it if it is the same; refuse if it is not.
    #[default]
    Resume,
    /// Begin a new release whatever stands there.
    New,
    /// The same content to recipients who are not in its audience yet.
    Extend,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Course {
    /// A new release.
    Begin,
    /// Its freeze was interrupted, and the list is the same.
    GoOnFreezing(ReleaseRow),
    /// Frozen before; send what is left.
    Resume(ReleaseRow, ReleaseState),
    /// Frozen before; a further wave.
    Extend(ReleaseRow, ReleaseState),
}

/// What is given now.
#[derive(Debug, Clone, Copy)]
pub struct Given<'a> {
    /// The release's name.
    pub name: &'a str,
    /// Digest of the content.
    pub content: [u8; 32],
    /// Digest of the list.
    pub list: [u8; 32],
    /// What is wanted.
    pub again: Again,
}

/// Chooses; `releases` are the tenant's, newest first.
pub fn choose(releases: Vec<(ReleaseRow, ReleaseState)>, given: Given<'_>) -> Result<Course, AppError> {
    if given.again == Again::New {
        return Ok(Course::Begin);
    }
    let mut named: Vec<_> = releases.into_iter().filter(|(row, _)| row.name == given.name).collect();
    let Some((newest, _)) = named.first().cloned() else { return Ok(Course::Begin) };
    named.retain(|(row, _)| row.content_digest == given.content);
    let same_list = named.iter().find(|(row, _)| row.list_digest == given.list);
    match same_list.or(named.first()).cloned() {
        None => Err(ChangedError::Content {
            name: newest.name,
            frozen: short_digest(&newest.content_digest),
            given: short_digest(&given.content),
        }
        .into()),
        Some((row, state)) if row.list_digest == given.list => Ok(match state {
            ReleaseState::Planning => Course::GoOnFreezing(row),
            _ => Course::Resume(row, state),
        }),
        Some((row, state)) => other_list(row, state, given),
    }
}

fn other_list(row: ReleaseRow, state: ReleaseState, given: Given<'_>) -> Result<Course, AppError> {
    let (frozen, new) = (short_digest(&row.list_digest), short_digest(&given.list));
    match (state, given.again) {
        (ReleaseState::Planning, _) => {
            Err(ChangedError::ListWhilePlanning { name: row.name, frozen, given: new }.into())
        }
        (ReleaseState::Cancelled, Again::Extend) => Err(AppError::BadInput(format!(
            "release `{}` was cancelled and cannot be extended; send a new release with --new",
            row.name
        ))),
        (_, Again::Extend) => Ok(Course::Extend(row, state)),
        _ => Err(ChangedError::List { name: row.name, frozen, given: new }.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::{Lane, RelayId, ReleaseId, TenantId, Timestamp, UnknownPolicy};

    fn row(id: u64, name: &str, content: u8, list: u8) -> ReleaseRow {
        ReleaseRow {
            tenant: TenantId(1),
            release: ReleaseId(id),
            relay: RelayId(1),
            name: name.to_owned(),
            content_digest: [content; 32],
            list_digest: [list; 32],
            lane: Lane::Bulk,
            policy: UnknownPolicy::Hold,
            retry_initial_ms: 1,
            deadline_at: Timestamp::EPOCH,
            created_at: Timestamp::EPOCH,
        }
    }

    /// Of `a`: 3 (content 1, list 9, cancelled), 2 (content 2, list 2), 1 (content 1, list 1); `p` is being planned.
    fn check(name: &str, content: u8, list: u8, again: Again, expected: &str) {
        let releases = vec![
            (row(4, "p", 1, 1), ReleaseState::Planning),
            (row(3, "a", 1, 9), ReleaseState::Cancelled),
            (row(2, "a", 2, 2), ReleaseState::Active),
            (row(1, "a", 1, 1), ReleaseState::Paused),
        ];
        let given = Given { name, content: [content; 32], list: [list; 32], again };
        let shown = match choose(releases, given) {
            Ok(Course::Begin) => "begin".to_owned(),
            Ok(Course::GoOnFreezing(row)) => format!("freeze {}", row.release.0),
            Ok(Course::Resume(row, state)) => format!("resume {} {}", row.release.0, state.word()),
            Ok(Course::Extend(row, _)) => format!("extend {}", row.release.0),
            Err(AppError::Changed(ChangedError::Content { .. })) => "content changed".to_owned(),
            Err(AppError::Changed(ChangedError::List { .. })) => "list changed".to_owned(),
            Err(AppError::Changed(ChangedError::ListWhilePlanning { .. })) => {
                "changed while planning".to_owned()
            }
            Err(_) => "refused".to_owned(),
        };
        assert_eq!(shown, expected, "{name} {content} {list} {again:?}");
    }

    #[test]
    fn what_was_frozen_decides() {
        check("b", 1, 1, Again::Resume, "begin");
        check("b", 1, 1, Again::Extend, "begin");
        check("a", 1, 1, Again::Resume, "resume 1 paused");
        check("a", 1, 9, Again::Resume, "resume 3 cancelled");
        check("a", 2, 2, Again::Extend, "resume 2 active");
        check("a", 2, 2, Again::New, "begin");
        check("a", 2, 5, Again::Resume, "list changed");
        check("a", 2, 5, Again::Extend, "extend 2");
        check("a", 1, 5, Again::Extend, "refused");
        check("a", 7, 1, Again::Resume, "content changed");
        check("a", 7, 1, Again::Extend, "content changed");
        check("p", 1, 1, Again::Resume, "freeze 4");
        check("p", 1, 2, Again::Extend, "changed while planning");
    }
}
