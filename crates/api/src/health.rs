//! Probes and figures: whether the process lives, whether it can take mails in, and how it does.

use std::time::Duration;

use axum::http::{Method, StatusCode};

use crate::answer::Answer;
use crate::call::OpenCall;
use crate::fault::Fault;
use crate::routes::{Need, RouteInfo, Routes};

/// How long the books may take to answer a probe.
const PROBE_TIME_MAX: Duration = Duration::from_secs(2);
const TEXT: &str = "text/plain; charset=utf-8";

pub(crate) fn routes(routes: Routes) -> Routes {
    let open = |path, summary| RouteInfo::new(Method::GET, path, Need::Nobody, summary);
    routes
        .add_open(open("/healthz", "The process lives."), |_| async {
            Ok(Answer::octets(StatusCode::OK, TEXT, b"ok\n".to_vec()))
        })
        .add_open(open("/readyz", "Mails can be taken in."), ready)
        .add_open(open("/metrics", "Figures for Prometheus."), figures)
}

/// The books answer, this sender is known to them, and no drain began. An engine that broke ends the process.
async fn ready(call: OpenCall) -> Result<Answer, Fault> {
    let unready = |why: &str| Fault::new(StatusCode::SERVICE_UNAVAILABLE, why).retry_after(1);
    if *call.api.draining.borrow() {
        return Err(unready("the service is ending"));
    }
    let service = &call.api.service;
    let asked = async {
        let installed = service.desk.store.installation_get().await?.is_some();
        Ok::<_, ledger::LedgerError>((installed, service.desk.store.sender_latest().await?))
    };
    let asked = tokio::select! {
        asked = asked => asked,
        () = call.api.clock().sleep(PROBE_TIME_MAX) => return Err(unready("the books do not answer")),
    };
    match asked {
        Ok((true, Some(latest))) if latest >= service.sender => {
            Ok(Answer::octets(StatusCode::OK, TEXT, b"ready\n".to_vec()))
        }
        Ok(_) => Err(unready("the books do not know this sender")),
        Err(_) => Err(unready("the books cannot be reached")),
    }
}

async fn figures(call: OpenCall) -> Result<Answer, Fault> {
    if !call.is_local && !call.api.config.open_metrics {
        return Err(Fault::not_found());
    }
    let text = call.api.meter.text();
    Ok(Answer::octets(StatusCode::OK, "text/plain; version=0.0.4; charset=utf-8", text.into_bytes()))
}
