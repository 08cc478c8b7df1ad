//! The server of all scenes, databases in it, and a way behind the command's back.

use std::sync::atomic::{AtomicU32, Ordering};

use ledger_postgres::PostgresOptions;
use ledger_postgres::behind::Behind;
use testkit::peers::RunningPostgres;

use crate::scene::{Ran, Scene, run};

/// The server, and how many databases were made in it.
pub struct House {
    server: RunningPostgres,
    databases: AtomicU32,
}

impl House {
    pub fn new(server: RunningPostgres) -> Self {
        Self { server, databases: AtomicU32::new(0) }
    }

    pub fn log_end(&self) -> String {
        self.server.log_end()
    }

    pub fn port(&self) -> u16 {
        self.server.addr.port()
    }

    pub fn password(&self) -> &'static str {
        self.server.password()
    }

    /// A new empty database.
    pub fn database(&self) -> String {
        let name = format!("books_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.behind("postgres", async |behind| behind.database_create(&name).await);
        name
    }

    /// The URL of a database, without password.
    pub fn url(&self, database: &str) -> String {
        format!("{}?sslmode=disable", self.server.url(database))
    }

    /// Puts the books of a scene in a database of their own.
    pub fn furnish(&self, mut scene: Scene) -> Scene {
        let url = self.url(&self.database());
        scene.database = Some((url, self.password().to_owned()));
        run(scene.command(&["migrate", "--json"])).expect(0);
        scene
    }

    /// What the scene's database is called.
    pub fn name(scene: &Scene) -> String {
        let url = &scene.database.as_ref().unwrap().0;
        url.rsplit('/').next().unwrap().split('?').next().unwrap().to_owned()
    }

    /// Does something behind the command's back.
    pub fn behind<T>(&self, database: &str, work: impl AsyncFnOnce(&Behind) -> T) -> T {
        let executor = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let mut options = PostgresOptions::parse(&self.url(database)).unwrap();
        options.set_password(self.password());
        executor.block_on(async { work(&Behind::connect(&options).await).await })
    }
}

/// Another command over another data folder, with `--json`.
pub fn ask_from(scene: &Scene, data: &str, arguments: &[&str]) -> Ran {
    let mut command = scene.command(arguments);
    command.args(["--data", data, "--json"]);
    run(command)
}
