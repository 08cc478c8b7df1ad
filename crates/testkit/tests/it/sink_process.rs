//! The sink as a process: says where it listens, logs, and sums up on SIGTERM.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};

use testkit::sink::{LogLine, Snapshot, read_log};

use crate::dialogue::Talk;

/// Ends the process whatever the test does.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start(flags: &[&str]) -> Running {
    let child = Command::new(env!("CARGO_BIN_EXE_hikyaku-sink"))
        .args(flags)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    Running(child.expect("the sink starts"))
}

#[test]
fn a_sink_process_logs_and_sums_up() {
    let folder = tempfile::tempdir().expect("a folder");
    let (log, port) = (folder.path().join("log.jsonl"), folder.path().join("port"));
    let (log_flag, port_flag) = (log.to_string_lossy(), port.to_string_lossy());
    let mut sink = start(&[
        "--log",
        &log_flag,
        "--port-file",
        &port_flag,
        "--auth",
        "apikey:s1=alpha,apikey:s2=beta",
        "--behaviour",
        "by-address",
        "--header",
        "X-Release",
        "--json-stats-on-exit",
    ]);
    let mut ready = String::new();
    // The port file is written before this line.
    BufReader::new(sink.0.stderr.take().expect("its words")).read_line(&mut ready).expect("a line");
    let addr = ready.trim().rsplit(' ').next().unwrap_or_default().parse().expect("an address");
    let mut talk = Talk::greeted(addr);
    talk.say("AUTH PLAIN AGFwaWtleQBzMg==");
    talk.expect("235");
    talk.send_mail("a@example.jp", "m1");
    talk.expect("250");
    assert_eq!(std::fs::read_to_string(&port).expect("the port file"), addr.to_string());
    let terminate = Command::new("kill").args(["-TERM", &sink.0.id().to_string()]).status();
    assert!(terminate.is_ok_and(|status| status.success()));
    let mut printed = String::new();
    sink.0.stdout.take().expect("its output").read_to_string(&mut printed).expect("text");
    assert!(sink.0.wait().is_ok_and(|status| status.success()));
    let snapshot: Snapshot = serde_json::from_str(printed.trim()).expect("one JSON object");
    assert_eq!((snapshot.kept, snapshot.accepted, snapshot.logins_accepted), (1, 1, 1));
    assert_eq!((snapshot.credentials[1].account.as_str(), snapshot.credentials[1].mails), ("beta", 1));
    let lines: Vec<LogLine> = read_log(&log).expect("the log").collect::<Result<_, _>>().expect("JSON lines");
    assert!(
        matches!(&lines[1], LogLine::Mail(mail) if mail.headers == ["r1"] && mail.secret == "s2"),
        "{lines:?}"
    );
}

#[test]
fn bad_flags_are_refused_with_their_reason() {
    let check = |flags: &[&str], reason: &str| {
        let mut sink = start(flags);
        let mut said = String::new();
        sink.0.stderr.take().expect("its words").read_to_string(&mut said).expect("text");
        assert!(!sink.0.wait().is_ok_and(|status| status.success()));
        assert!(said.contains(reason), "{flags:?}: {said}");
    };
    check(&["--behaviour", "often=defer"], "names no recipients");
    check(&["--auth", "nonsense"], "USER:SECRET");
    check(&["--tls", "maybe"], "starttls");
    check(&["--log", "/nonexistent/log"], "/nonexistent/log");
}
