//! The sink's book: what it writes down of mails, logins, credentials and connections, in memory and on disk.

use std::time::Duration;

use testkit::sink::{
    Account, AuthRule, Keep, LogLine, LogMode, Sink, SinkConfig, SinkHandle, Verdict, read_log,
};

use crate::dialogue::Talk;

const SOON: Duration = Duration::from_secs(20);

fn start(change: impl FnOnce(&mut SinkConfig)) -> SinkHandle {
    let mut config = SinkConfig { wanted_headers: vec!["X-Release".to_owned()], ..SinkConfig::default() };
    change(&mut config);
    Sink::start(config).expect("the sink starts")
}

/// `\0user\0secret` in base64 for the pairs used here.
const ALPHA: &str = "AUTH PLAIN AGFwaWtleQBzZWNyZXQtYQ==";
const BETA: &str = "AUTH PLAIN AGFwaWtleQBzZWNyZXQtYg==";

fn two_accounts() -> AuthRule {
    let account = |secret: &str, account: &str| Account {
        user: "apikey".to_owned(),
        secret: secret.to_owned(),
        account: account.to_owned(),
    };
    AuthRule::Table(vec![account("secret-a", "alpha"), account("secret-b", "beta")])
}

#[test]
fn a_mail_is_written_down_whole() {
    let sink = start(|config| config.auth = two_accounts());
    let mut talk = Talk::greeted(sink.addr());
    talk.say(BETA);
    talk.expect("235");
    talk.send_mail("taro@example.jp", "m1");
    talk.expect("250");
    let mails = sink.mails();
    let mail = &mails[0];
    assert_eq!((mails.len(), mail.session, mail.message_no), (1, 1, 1));
    assert_eq!(
        (mail.user.as_str(), mail.secret.as_str(), mail.account.as_str()),
        ("apikey", "secret-b", "beta")
    );
    assert_eq!(
        (mail.from.as_str(), mail.to.as_slice()),
        ("from@example.jp", &["taro@example.jp".to_owned()][..])
    );
    assert_eq!(
        (mail.message_id.as_str(), mail.headers.as_slice()),
        ("<m1@example.jp>", &["r1".to_owned()][..])
    );
    let content = b"Message-ID: <m1@example.jp>\r\nX-Release: r1\r\n\r\nBody\r\n.dot\r\n";
    assert_eq!((mail.octets, mail.verdict), (content.len() as u64, Verdict::Accepted));
    // python3 -c 'import hashlib; print(hashlib.sha256(content).hexdigest()[:32])'
    assert_eq!(mail.digest, "5c4dd818f7aa87922b60e4df6f4750dd");
    assert!(mail.at_ms > 1_700_000_000_000);
}

#[test]
fn logins_show_the_secret_and_the_decision() {
    let sink = start(|config| config.auth = two_accounts());
    let mut talk = Talk::greeted(sink.addr());
    talk.say("MAIL FROM:<a@example.jp>");
    talk.expect("530");
    talk.say("AUTH PLAIN AGFwaWtleQB3cm9uZw==");
    talk.expect("535");
    talk.say(ALPHA);
    talk.expect("235");
    let seen: Vec<_> = sink.logins().into_iter().map(|l| (l.user, l.secret, l.account, l.accepted)).collect();
    let row = |secret: &str, account: &str, accepted| {
        ("apikey".to_owned(), secret.to_owned(), account.to_owned(), accepted)
    };
    assert_eq!(seen, [row("wrong", "", false), row("secret-a", "alpha", true)]);
    let snapshot = sink.stop();
    assert_eq!((snapshot.logins_accepted, snapshot.logins_refused), (1, 1));
}

#[test]
fn credentials_are_counted_apart() {
    let sink = start(|config| config.auth = two_accounts());
    let mut links: Vec<Talk> = [ALPHA, ALPHA, BETA]
        .iter()
        .map(|login| {
            let mut talk = Talk::greeted(sink.addr());
            talk.say(login);
            talk.expect("235");
            talk
        })
        .collect();
    for number in 0..3 {
        links[0].send_mail("a@example.jp", &format!("m{number}"));
        links[0].expect("250");
    }
    drop(links);
    let closed = sink.wait_until_blocking(SOON, |now| now.connections_now == 0).expect("all links end");
    let counts: Vec<_> = closed
        .credentials
        .iter()
        .map(|c| {
            (c.account.as_str(), c.connections_peak, c.connections_now, c.mails, c.mails_per_connection_max)
        })
        .collect();
    assert_eq!(counts[1..], [("alpha", 2, 0, 3, 3), ("beta", 1, 0, 0, 0)]);
    assert_eq!(closed.credentials[1].mails_per_minute_max, 3);
    assert_eq!(closed.connections_peak, 3);
}

#[test]
fn the_log_file_holds_a_mail_before_its_reply() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("log.jsonl");
    let sink = start(|config| config.log = LogMode::MemoryAndFile(path.clone()));
    let mut talk = Talk::greeted(sink.addr());
    talk.say("AUTH PLAIN AHUAcw==");
    talk.expect("235");
    for number in 0..50 {
        talk.send_mail("a@example.jp", &format!("m{number}"));
        talk.expect("250");
        let lines: Vec<LogLine> =
            read_log(&path).expect("the log").collect::<Result<_, _>>().expect("JSON lines");
        assert_eq!(lines.len(), number + 2, "the login and each mail so far");
    }
    let lines = read_log(&path).expect("the log").map(|line| line.expect("a JSON line"));
    let mails: Vec<_> =
        lines.filter_map(|l| if let LogLine::Mail(mail) = l { Some(mail) } else { None }).collect();
    assert_eq!(mails, sink.mails());
}

#[test]
fn pipelined_mails_are_each_written_down() {
    for keep in [Keep::Nothing, Keep::Digest, Keep::Full] {
        let sink = start(|config| config.keep = keep);
        let mut talk = Talk::greeted(sink.addr());
        let mut flight = String::new();
        for number in 0..200 {
            flight.push_str("MAIL FROM:<f@example.jp>\r\n");
            flight.push_str(&format!("RCPT TO:<u{number}@example.jp>\r\nDATA\r\n"));
            flight.push_str(&format!(
                "Subject: s\r\nMessage-ID: <m{number}@x>\r\nX-Release: r{number}\r\n\r\n"
            ));
            flight.push_str(&"x".repeat(number * 40));
            flight.push_str("\r\n.\r\n");
        }
        for piece in flight.as_bytes().chunks(1500) {
            talk.send(piece);
        }
        (0..200 * 4).for_each(|reply| drop(talk.expect(if reply % 4 == 2 { "354" } else { "250" })));
        let mails = sink.mails();
        assert_eq!(mails.len(), 200, "{keep:?}");
        for (number, mail) in mails.iter().enumerate() {
            let expected = (format!("<m{number}@x>"), vec![format!("r{number}")]);
            assert_eq!((mail.message_id.clone(), mail.headers.clone()), expected, "{keep:?}");
            assert_eq!(mail.to, [format!("u{number}@example.jp")]);
            assert_eq!(mail.message_no as usize, number + 1);
        }
        let kept = sink.kept_mails();
        assert_eq!(kept.len(), if keep == Keep::Full { 200 } else { 0 });
        assert!(
            kept.iter()
                .all(|mail| mail.content.ends_with(b"\r\n") && mail.octets == mail.content.len() as u64)
        );
    }
}

#[test]
fn chunks_are_mails_too() {
    for keep in [Keep::Nothing, Keep::Full] {
        let sink = start(|config| config.keep = keep);
        let mut talk = Talk::greeted(sink.addr());
        talk.say("MAIL FROM:<f@example.jp>\r\nRCPT TO:<a@example.jp>\r\nBDAT 19");
        talk.send(b"Message-ID: <b@x>\r\n");
        talk.say("BDAT 8 LAST");
        talk.send(b"\r\nx.\r\n\r\n");
        for _ in 0..4 {
            talk.expect("250");
        }
        let mails = sink.mails();
        assert_eq!(
            (mails.len(), mails[0].octets, mails[0].message_id.as_str()),
            (1, 27, "<b@x>"),
            "{keep:?}"
        );
    }
}

#[test]
fn cram_md5_names_the_account_by_its_digest() {
    let sink = start(|config| config.auth = two_accounts());
    let mut talk = Talk::greeted(sink.addr());
    talk.say("AUTH CRAM-MD5");
    talk.expect("334");
    talk.say("YXBpa2V5IDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAw");
    talk.expect("535");
    let logins = sink.logins();
    assert_eq!((logins[0].mechanism.as_str(), logins[0].secret.as_str()), ("CRAM-MD5", ""));
}

#[test]
fn a_taken_port_is_named() {
    let first = start(|_| {});
    let addr = first.addr();
    let second = Sink::start(SinkConfig { listen: addr, ..SinkConfig::default() });
    let shown = second.map(|_| ()).map_err(|error| error.to_string());
    assert!(shown.as_ref().is_err_and(|text| text.contains(&addr.to_string())), "{shown:?}");
}
