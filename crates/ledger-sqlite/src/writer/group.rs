//! Commits a group of calls: all together first; call by call in savepoints when one of them is refused.

use ledger::{Entries, LedgerError};
use rusqlite::Connection;

use super::call::Call;
use crate::chains::Chains;
use crate::draft::Draft;
use crate::failure::{Failure, is_final};

const OPERATION: &str = "committing";

/// The writer's connection, and where its chains end.
pub(super) struct Committer {
    connection: Connection,
    chains: Chains,
}

impl Committer {
    /// A committer over the connection that alone writes.
    pub fn new(connection: Connection) -> Self {
        Self { connection, chains: Chains::default() }
    }

    /// Commits and answers the group. An error is final: nothing of the group is known to be durable, and its
    /// calls are left to be told.
    pub fn commit(&mut self, group: &mut Vec<Box<dyn Call>>) -> Result<(), LedgerError> {
        let verdicts = match self.together(group) {
            Ok(()) => vec![Ok(()); group.len()],
            Err(error) if is_final(&error) => return Err(error),
            Err(error) if group.len() == 1 => vec![Err(error)],
            Err(_) => self.apart(group)?,
        };
        group.drain(..).zip(verdicts).for_each(|(call, verdict)| call.answer(verdict));
        Ok(())
    }

    /// Copies the log into the file and closes it.
    pub fn close(self) -> Result<(), LedgerError> {
        let failed = |error: rusqlite::Error| Failure::from(error).during("closing the books");
        self.connection.pragma(None, "wal_checkpoint", "TRUNCATE", |_| Ok(())).map_err(failed)?;
        self.connection.close().map_err(|(_, error)| failed(error))
    }

    fn together(&mut self, group: &mut [Box<dyn Call>]) -> Result<(), LedgerError> {
        self.execute("BEGIN IMMEDIATE")?;
        let done = self.apply_all(group).and_then(|entries| self.finish(entries));
        if done.is_err() {
            self.roll_back();
        }
        done
    }

    fn apply_all(&mut self, group: &mut [Box<dyn Call>]) -> Result<Entries, LedgerError> {
        let mut entries = Entries::default();
        for call in group {
            let mut draft = Draft::new(&self.connection, &mut self.chains);
            call.apply(&mut draft)?;
            entries.join(draft.entries);
        }
        Ok(entries)
    }

    /// Each call in a savepoint of its own; the refused ones are rolled back alone.
    fn apart(&mut self, group: &mut [Box<dyn Call>]) -> Result<Vec<Result<(), LedgerError>>, LedgerError> {
        self.execute("BEGIN IMMEDIATE")?;
        let done = self.apply_apart(group).and_then(|(entries, verdicts)| {
            self.finish(entries)?;
            Ok(verdicts)
        });
        if done.is_err() {
            self.roll_back();
        }
        done
    }

    #[allow(clippy::type_complexity, reason = "the entries and one verdict a call, used once")]
    fn apply_apart(
        &mut self,
        group: &mut [Box<dyn Call>],
    ) -> Result<(Entries, Vec<Result<(), LedgerError>>), LedgerError> {
        let mut entries = Entries::default();
        let mut verdicts = Vec::with_capacity(group.len());
        for call in group {
            self.execute("SAVEPOINT call")?;
            let mut draft = Draft::new(&self.connection, &mut self.chains);
            let verdict = call.apply(&mut draft);
            let added = draft.entries;
            match &verdict {
                Ok(()) => entries.join(added),
                Err(error) if is_final(error) => return Err(error.clone()),
                Err(_) => self.execute("ROLLBACK TO call")?,
            }
            self.execute("RELEASE call")?;
            verdicts.push(verdict);
        }
        Ok((entries, verdicts))
    }

    /// Writes links and counters, commits, and adopts the new heads.
    fn finish(&mut self, entries: Entries) -> Result<(), LedgerError> {
        let heads =
            self.chains.complete(&self.connection, entries).map_err(|failure| failure.during(OPERATION))?;
        self.execute("COMMIT")?;
        self.chains.adopt(heads);
        Ok(())
    }

    fn roll_back(&mut self) {
        if !self.connection.is_autocommit() {
            // Should this fail, the next BEGIN does too, which is final.
            let _ = self.connection.execute_batch("ROLLBACK");
        }
        self.chains.forget();
    }

    fn execute(&self, sql: &str) -> Result<(), LedgerError> {
        let mut statement =
            self.connection.prepare_cached(sql).map_err(|error| Failure::from(error).during(OPERATION))?;
        statement.execute([]).map(|_| ()).map_err(|error| Failure::from(error).during(OPERATION))
    }
}
