//! `hikyaku serve`: the whole installation in one process. What listens begins once mails can be taken in, and ends
//! before the sending does.

mod certificate;
mod config;
mod desk;
mod front;
mod reload;

use std::net::SocketAddr;

use app::send::Premises;
use engine::EngineConfig;
use ledger_sqlite::SqliteOptions;
use tokio::sync::{oneshot, watch};

use crate::arguments::ServeFlags;
use crate::exit::Exit;
use crate::{opened, signals};
use config::{Config, Role};
use front::Front;
use reload::Reload;

/// Serves until it is told to end.
pub fn run(flags: &ServeFlags) -> anyhow::Result<Exit> {
    let config = configured(flags)?;
    let executor = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    executor.block_on(serve(flags, &config))
}

/// The file, and what the flags say before it.
fn configured(flags: &ServeFlags) -> anyhow::Result<Config> {
    let mut config = flags.config.as_deref().map(Config::read).transpose()?.unwrap_or_default();
    let given = |flags: &[SocketAddr], place: &mut Vec<SocketAddr>| {
        if !flags.is_empty() {
            *place = flags.to_vec();
        }
    };
    given(&flags.http, &mut config.http.listen);
    given(&flags.submission, &mut config.submission.listen);
    given(&flags.submission_tls, &mut config.submission.listen_tls);
    config.submission.require_tls &= !flags.no_tls;
    config.check()?;
    Ok(config)
}

async fn serve(flags: &ServeFlags, config: &Config) -> anyhow::Result<Exit> {
    let drain = signals::drain()?;
    let front = Front::open(config)?;
    let ground = opened::ground(&flags.place).await?;
    opened::warn_of_standby(&ground).await?;
    let numbers = if ground.database.is_some() { EngineConfig::shared() } else { EngineConfig::default() };
    let engine = EngineConfig { tcp_user_timeout: flags.tcp_user_timeout, ..numbers };
    let (premises, books) =
        opened::own(ground, SqliteOptions::default(), runtime::boot_id()?, engine).await?;
    let front = front.certified(config, premises.folder.dir())?;
    let reload = Reload::new(config.clone(), flags.config.clone(), premises.folder.dir().to_owned())?;
    let done = both(&premises, reload, front, drain, flags.json).await;
    drop(premises);
    books.close().await?;
    done.map(|()| Exit::Well)
}

/// The sending, and the listening, which ends first.
async fn both(
    premises: &Premises,
    reload: Reload,
    front: Front,
    drain: watch::Receiver<bool>,
    json: bool,
) -> anyhow::Result<()> {
    let (begun, begins) = oneshot::channel();
    let (end, ending) = watch::channel(false);
    let sends = reload.config().has(Role::Node);
    let fronting = front.run(reload, begins, drain, json);
    let begin = |service, recovered| {
        // Nobody waits for it any more: the listening failed meanwhile, and ends all.
        let _ = begun.send((service, recovered));
    };
    let sending = app::service::run(premises, sends, ending, begin);
    tokio::pin!(sending, fronting);
    tokio::select! {
        // By itself it ends for a fault alone.
        sent = &mut sending => sent.map(drop).map_err(anyhow::Error::from),
        fronted = &mut fronting => {
            end.send_replace(true);
            sending.await.map(drop).map_err(anyhow::Error::from).and(fronted)
        }
    }
}
