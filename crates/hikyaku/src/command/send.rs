//! `hikyaku send`.

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, bail};
use app::Access;
use app::relay::RelayUrl;
use app::send::{Again, Checked, DkimRequest, SendReport, SendRequest, SendSignals, Stage};
use domain::{Lane, RelayKind, RelayLimits, UnknownPolicy};
use engine::{EngineConfig, ReleaseEnd, TlsTrust};
use indicatif::ProgressBar;
use ledger::ReleaseState;
use ledger::copy::Extent;
use ledger_sqlite::{SqliteOptions, Synchronous};
use runtime::{SystemClock, SystemEntropy};
use serde_json::{Map, Value, json};
use tokio::task::JoinHandle;

use crate::arguments::{SendFlags, Sync};
use crate::exit::Exit;
use crate::{direct, opened, print, progress, secret, signals};

/// Rejected rows that the JSON shows.
const REJECTED_SHOWN: usize = 100;

/// Sends, prints the statement, and says by the exit code whether all is settled.
pub fn run(flags: SendFlags) -> anyhow::Result<Exit> {
    let request = request(&flags)?;
    let boot = boot(flags.boot_id.as_deref())?;
    let checked = Checked::load(request, &SystemClock)?;
    let executor = opened::executor()?;
    let ground = executor.block_on(opened::ground(&flags.folder.place))?;
    let prepared = checked.scan(&ground.folder, &SystemClock, &SystemEntropy)?;
    let numbers = match ground.database {
        Some(_) => EngineConfig::shared(),
        None if flags.detach => bail!("--detach needs --database-url: nobody else sends from a data folder"),
        None => EngineConfig::default(),
    };
    let config = EngineConfig { tcp_user_timeout: flags.tcp_user_timeout, ..numbers };
    let synchronous = if flags.synchronous == Sync::Off { Synchronous::Off } else { Synchronous::Full };
    let options = SqliteOptions { synchronous, ..SqliteOptions::default() };
    let (report, extent) = executor.block_on(async {
        let drain = signals::drain()?;
        opened::warn_of_standby(&ground).await?;
        let (premises, books) = opened::own(ground, options, boot, config).await?;
        let (clock, entropy) = (&*premises.clock, &*premises.entropy);
        let access =
            Access::admit_new(&*premises.store, clock, entropy, &flags.folder.tenant, &opened::user())
                .await?;
        let bar = Arc::new(Bar::new(&premises));
        let stage = Box::new({
            let bar = Arc::clone(&bar);
            move |stage| bar.show(stage)
        });
        let report = app::send::send(&premises, &access, prepared, SendSignals { drain, stage }).await;
        bar.clear();
        drop(premises);
        // A measure for whoever asks for all of it; a send that failed has no use for one.
        let extent = if flags.folder.json && report.is_ok() { books.extent().await.ok() } else { None };
        books.close().await?;
        anyhow::Ok((report?, extent.unwrap_or_default()))
    })?;
    show(&report, extent, &flags);
    Ok(exit(&report))
}

fn request(flags: &SendFlags) -> anyhow::Result<SendRequest> {
    let direct = direct::request(flags)?;
    let relay = match &direct {
        Some(_) => RelayUrl::direct(),
        None => secret::complete(RelayUrl::parse(&flags.relay)?, flags.relay_password_file.as_deref())?,
    };
    let kinds = "bare, sendgrid, gmail, microsoft365, ses, other";
    let Some(kind) = RelayKind::from_word(&flags.relay_kind) else {
        bail!("--relay-kind: `{}` is none of {kinds}", flags.relay_kind)
    };
    let policy = UnknownPolicy::from_word(&flags.policy)
        .with_context(|| format!("--policy: `{}` is neither hold nor resend-once", flags.policy))?;
    let lane = Lane::from_word(&flags.lane)
        .with_context(|| format!("--lane: `{}` is neither urgent nor bulk", flags.lane))?;
    let published = kind.limits();
    let limits = RelayLimits {
        sessions_max: flags.sessions,
        messages_per_connection_max: flags.messages_per_connection.or(published.messages_per_connection_max),
        messages_per_minute_max: flags.messages_per_minute.or(published.messages_per_minute_max),
    };
    let ehlo_name = ehlo_name(flags.ehlo_name.as_deref())?;
    if direct.is_some() {
        direct::check_ehlo_name(&ehlo_name)?;
    }
    let dkim = match (&flags.dkim_key, &flags.dkim_domain, &flags.dkim_selector) {
        (Some(key), Some(domain), Some(selector)) => {
            Some(DkimRequest { key: key.clone(), domain: domain.clone(), selector: selector.clone() })
        }
        _ => None,
    };
    Ok(SendRequest {
        release: flags.release.clone(),
        name: flags.name.clone(),
        list: flags.list.clone(),
        relay,
        direct,
        kind,
        limits,
        trust: flags.relay_ca.clone().map_or(TlsTrust::System, TlsTrust::File),
        use_chunking: flags.chunking,
        ehlo_name,
        policy,
        deadline: flags.deadline,
        retry_initial: flags.retry_initial,
        lane,
        again: match (flags.new, flags.extend) {
            (true, _) => Again::New,
            (_, true) => Again::Extend,
            _ => Again::Resume,
        },
        detach: flags.detach,
        strict: flags.strict,
        rejects: flags.rejects.clone(),
        dkim,
    })
}

pub(super) fn ehlo_name(asked: Option<&str>) -> anyhow::Result<String> {
    let fine = |name: &str| {
        (1..=253).contains(&name.len())
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.[]:".contains(&b))
    };
    match asked {
        Some(name) if fine(name) => Ok(name.to_owned()),
        Some(_) => bail!("--ehlo-name: not a host name or address literal"),
        None => {
            let name = runtime::host_name();
            Ok(if fine(&name) { name } else { "localhost".to_owned() })
        }
    }
}

fn boot(asked: Option<&str>) -> anyhow::Result<[u8; 16]> {
    match asked {
        None => Ok(runtime::boot_id()?),
        Some(digits) => {
            Ok(u128::from_str_radix(digits, 16).context("--boot-id: not hexadecimal")?.to_be_bytes())
        }
    }
}

/// The progress bar, if there is somebody to see it.
struct Bar {
    store: Arc<dyn ledger::Store>,
    clock: Arc<dyn runtime::Clock>,
    drawn: Mutex<Option<(ProgressBar, JoinHandle<()>)>>,
}

impl Bar {
    fn new(premises: &app::send::Premises) -> Self {
        Self {
            store: Arc::clone(&premises.store),
            clock: Arc::clone(&premises.clock),
            drawn: Mutex::default(),
        }
    }

    fn show(&self, stage: Stage) {
        match stage {
            Stage::Sending { state: ReleaseState::Paused, .. } => {
                eprintln!("hikyaku: the release is paused; `hikyaku resume` lets it go on");
            }
            Stage::Freezing { recipients } if progress::is_wanted() => {
                eprintln!("freezing {recipients} recipients")
            }
            Stage::Sending { tenant, release, .. } if progress::is_wanted() => {
                let bar = progress::start(Arc::clone(&self.store), Arc::clone(&self.clock), tenant, release);
                *self.drawn.lock().unwrap_or_else(PoisonError::into_inner) = Some(bar);
            }
            _ => {}
        }
    }

    fn clear(&self) {
        if let Some((bar, task)) = self.drawn.lock().unwrap_or_else(PoisonError::into_inner).take() {
            task.abort();
            bar.finish_and_clear();
        }
    }
}

fn show(report: &SendReport, extent: Extent, flags: &SendFlags) {
    let list = &report.list;
    if list.rows_rejected > 0 {
        eprintln!("hikyaku: {} rows of the list were rejected:", list.rows_rejected);
        for row in list.rejected.iter().take(REJECTED_SHOWN) {
            eprintln!("  line {}: {}", row.line, row.reason);
        }
    }
    if let ReleaseEnd::RelayStopped(reason) = &report.end {
        eprintln!("hikyaku: the relay was stopped: {reason}");
        eprintln!("hikyaku: what is pending was not sent; mend the cause and run the same command again");
    }
    let (view, lang) = (&report.statement, print::language(flags.folder.lang));
    for remedy in print::statement::remedies(&report.release.name, &view.statement, lang) {
        eprintln!("hikyaku: {remedy}");
    }
    if flags.folder.json {
        print::line(&object(report, extent, &flags.folder.tenant).to_string());
    } else {
        let title = format!("{} ({})", report.release.name, report.release.release);
        print::line(&print::statement::table(&title, &view.statement, &view.differences, lang));
    }
}

fn object(report: &SendReport, extent: Extent, tenant: &str) -> Value {
    let list = &report.list;
    let mut object = Map::new();
    object.insert("release".to_owned(), report.release.name.clone().into());
    object.insert("release_id".to_owned(), report.release.release.to_string().into());
    object.insert("tenant".to_owned(), tenant.into());
    print::json::put_statement(&mut object, &report.statement.statement, &report.statement.differences);
    let rows = json!({
        "read": list.rows_read,
        "accepted": list.audience.count(),
        "rejected": list.rows_rejected,
        "duplicates": list.duplicates.count(),
    });
    object.insert("rows".to_owned(), rows);
    let rejected = list.rejected.iter().take(REJECTED_SHOWN);
    let rejected = rejected.map(|row| json!({ "line": row.line, "reason": row.reason.to_string() }));
    object.insert("rejected_rows".to_owned(), rejected.collect());
    let (end, reason) = match &report.end {
        ReleaseEnd::Settled => ("settled", None),
        ReleaseEnd::Waiting => ("waiting", None),
        ReleaseEnd::Drained => ("drained", None),
        ReleaseEnd::RelayStopped(reason) => ("relay stopped", Some(reason)),
        ReleaseEnd::Broken(reason) => ("broken", Some(reason)),
    };
    object.insert("end".to_owned(), end.into());
    object.insert("reason".to_owned(), reason.cloned().into());
    let recovered = &report.recovered;
    let recovered =
        json!({ "unsent": recovered.unsent, "answered": recovered.answered, "unknown": recovered.unknown });
    object.insert("recovered".to_owned(), recovered);
    let extent = json!({ "octets": extent.octets, "rows_written": extent.rows_written });
    object.insert("books".to_owned(), extent);
    object.insert("scan_ms".to_owned(), report.scan_ms.into());
    object.insert("freeze_ms".to_owned(), report.freeze_ms.into());
    object.insert("elapsed_ms".to_owned(), report.elapsed_ms.into());
    Value::Object(object)
}

fn exit(report: &SendReport) -> Exit {
    match report.end {
        ReleaseEnd::RelayStopped(_) | ReleaseEnd::Broken(_) => Exit::Refused,
        // A cancelled mail was owed and was not sent: whoever waits for this command must learn of it.
        _ if report.is_settled() && report.statement.statement.cancelled == 0 => Exit::Well,
        _ => Exit::Unsettled,
    }
}
