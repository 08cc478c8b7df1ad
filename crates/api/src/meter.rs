//! Figures of the room, and how Prometheus reads them. No label ever names a tenant, a key or a recipient.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::http::StatusCode;

/// Upper ends of the histograms' buckets, in ms.
const ENDS_MS: [u64; 11] = [1, 2, 5, 10, 25, 50, 100, 250, 1000, 5000, 30_000];

/// Counters and histograms.
#[derive(Default)]
pub(crate) struct Meter {
    requests: Mutex<BTreeMap<(&'static str, u16), u64>>,
    durations: Mutex<BTreeMap<&'static str, Histogram>>,
    look_ups: Mutex<Histogram>,
    submissions: Mutex<Histogram>,
    pub mails: AtomicU64,
    pub recipients: AtomicU64,
    pub scheduled: AtomicU64,
}

#[derive(Default, Clone)]
struct Histogram {
    counts: [u64; ENDS_MS.len()],
    count: u64,
    sum_us: u64,
}

impl Histogram {
    fn add(&mut self, took: Duration) {
        let us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        for (count, end) in self.counts.iter_mut().zip(ENDS_MS) {
            *count += u64::from(us <= end * 1000);
        }
        self.count += 1;
        self.sum_us = self.sum_us.saturating_add(us);
    }

    fn write(&self, name: &str, label: &str, out: &mut String) {
        let comma = if label.is_empty() { "" } else { "," };
        for (count, end) in self.counts.iter().zip(ENDS_MS) {
            let _ = writeln!(out, "{name}_bucket{{{label}{comma}le=\"{}\"}} {count}", end as f64 / 1000.0);
        }
        let _ = writeln!(out, "{name}_bucket{{{label}{comma}le=\"+Inf\"}} {}", self.count);
        let braces = if label.is_empty() { String::new() } else { format!("{{{label}}}") };
        let _ = writeln!(out, "{name}_sum{braces} {}", self.sum_us as f64 / 1e6);
        let _ = writeln!(out, "{name}_count{braces} {}", self.count);
    }
}

impl Meter {
    pub fn answered(&self, route: &'static str, status: StatusCode, took: Duration) {
        *lock(&self.requests).entry((route, status.as_u16() / 100)).or_default() += 1;
        lock(&self.durations).entry(route).or_default().add(took);
    }

    /// A key was looked up in the books.
    pub fn look_up(&self, took: Duration) {
        lock(&self.look_ups).add(took);
    }

    /// A mail became durable.
    pub fn submitted(&self, took: Duration, recipients: u64) {
        lock(&self.submissions).add(took);
        self.mails.fetch_add(1, Ordering::Relaxed);
        self.recipients.fetch_add(recipients, Ordering::Relaxed);
    }

    /// Prometheus' text format, version 0.0.4.
    pub fn text(&self) -> String {
        let mut out = String::new();
        head(&mut out, "hikyaku_http_requests_total", "counter", "Requests answered, by route and class.");
        for ((route, class), count) in lock(&self.requests).iter() {
            let _ =
                writeln!(out, "hikyaku_http_requests_total{{route=\"{route}\",class=\"{class}xx\"}} {count}");
        }
        head(&mut out, "hikyaku_http_request_seconds", "histogram", "Time to answer, by route.");
        for (route, histogram) in lock(&self.durations).iter() {
            histogram.write("hikyaku_http_request_seconds", &format!("route=\"{route}\""), &mut out);
        }
        head(&mut out, "hikyaku_store_lookup_seconds", "histogram", "Time to look a key up in the books.");
        lock(&self.look_ups).write("hikyaku_store_lookup_seconds", "", &mut out);
        head(&mut out, "hikyaku_store_submit_seconds", "histogram", "Time until a mail was durable.");
        lock(&self.submissions).write("hikyaku_store_submit_seconds", "", &mut out);
        let counters = [
            ("hikyaku_api_mails_accepted_total", "Mailings made durable.", &self.mails),
            ("hikyaku_api_recipients_accepted_total", "Recipients of them.", &self.recipients),
            ("hikyaku_api_scheduled_streams_total", "Releases made for later.", &self.scheduled),
        ];
        for (name, help, count) in counters {
            head(&mut out, name, "counter", help);
            let _ = writeln!(out, "{name} {}", count.load(Ordering::Relaxed));
        }
        out
    }
}

fn head(out: &mut String, name: &str, kind: &str, help: &str) {
    let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
