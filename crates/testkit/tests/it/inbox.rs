//! The inbox page over real HTTP: lists, searches, pages, and shows a hostile mail without harm.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use testkit::inbox::Inbox;
use testkit::sink::{Keep, Sink, SinkConfig, SinkHandle};

use crate::dialogue::Talk;

/// Status line and headers, and body.
fn get(addr: SocketAddr, path: &str) -> (String, String) {
    let mut link = TcpStream::connect(addr).expect("connect");
    link.set_read_timeout(Some(Duration::from_secs(20))).expect("time limit");
    write!(link, "GET {path} HTTP/1.1\r\nHost: inbox\r\nConnection: close\r\n\r\n").expect("asked");
    let mut answer = String::new();
    link.read_to_string(&mut answer).expect("an answer in UTF-8");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
    (head.to_lowercase(), body.to_owned())
}

fn started(mails: &[(&str, &str)]) -> (SinkHandle, Inbox) {
    let sink =
        Sink::start(SinkConfig { keep: Keep::Full, ..SinkConfig::default() }).expect("the sink starts");
    let mut talk = Talk::greeted(sink.addr());
    for (to, content) in mails {
        for line in ["MAIL FROM:<f@x.jp>", &format!("RCPT TO:<{to}>")] {
            talk.say(line);
            talk.expect("250");
        }
        talk.say("DATA");
        talk.expect("354");
        talk.send(format!("{content}\r\n.\r\n").as_bytes());
        talk.expect("250");
    }
    let inbox = Inbox::start(SocketAddr::from(([127, 0, 0, 1], 0)), sink.reader()).expect("the page starts");
    (sink, inbox)
}

const HOSTILE: &str = "From: \"<b>\" <f@x.jp>\r\nSubject: <script>alert(1)</script>\r\nX-A: \"><img src=x>\r\n\
    Content-Type: text/html\r\n\r\n<script>parent.hacked = 1</script><p>hello</p>";

#[test]
fn a_hostile_mail_is_only_text_outside_its_frame() {
    let (_sink, inbox) = started(&[("v@x.jp", HOSTILE)]);
    let (head, list) = get(inbox.addr(), "/");
    assert!(head.starts_with("http/1.1 200") && head.contains("default-src 'none'"), "{head}");
    assert!(list.contains("&lt;script&gt;alert(1)") && !list.contains("<script"), "{list}");
    let (_, mail) = get(inbox.addr(), "/mail/1?lang=en");
    assert!(mail.contains("All headers") && !mail.contains("<script") && !mail.contains("<img"), "{mail}");
    assert!(mail.contains(r#"<iframe sandbox="" src="/mail/1/html""#), "{mail}");
    let (head, html) = get(inbox.addr(), "/mail/1/html");
    let policy = head.lines().find(|line| line.starts_with("content-security-policy:")).expect("a policy");
    assert!(policy.ends_with("; sandbox") && policy.contains("default-src 'none'"), "{policy}");
    assert!(!policy.contains("script-src") && html.contains("<p>hello</p>"));
    let (head, source) = get(inbox.addr(), "/mail/1/source");
    assert!(head.contains("content-type: text/plain") && head.contains("nosniff"), "{head}");
    assert!(source.starts_with("From: "));
}

#[test]
fn lists_search_and_page() {
    let mails: Vec<(String, String)> =
        (0..60).map(|n| (format!("u{n:02}@x.jp"), format!("Subject: s{n:02}\r\n\r\nx"))).collect();
    let mails: Vec<(&str, &str)> =
        mails.iter().map(|(to, content)| (to.as_str(), content.as_str())).collect();
    let (_sink, inbox) = started(&mails);
    let check = |path: &str, rows: usize, first: &str| {
        let (_, body) = get(inbox.addr(), path);
        assert_eq!(body.matches("<tr><td class=\"to\">").count(), rows, "{path}");
        let found = body.split("<td class=\"to\">").nth(1).unwrap_or("nothing");
        assert!(found.starts_with(first), "{path}: {found}");
    };
    check("/", 50, "u59@x.jp");
    check("/?page=1", 10, "u09@x.jp");
    check("/?page=99", 10, "u09@x.jp");
    check("/?q=U42", 1, "u42@x.jp");
    check("/?q=%E5%A4%AA&lang=en", 0, "nothing");
}

#[test]
fn what_is_not_there_is_said_in_both_languages() {
    let (_sink, inbox) = started(&[]);
    assert!(get(inbox.addr(), "/").1.contains("メールはまだありません"));
    assert!(get(inbox.addr(), "/?lang=en").1.contains("No mails yet"));
    let (head, body) = get(inbox.addr(), "/mail/7?lang=en");
    assert!(head.starts_with("http/1.1 404") && body.contains("no such mail"), "{head}");
    assert!(get(inbox.addr(), "/mail/x").0.starts_with("http/1.1 400"));
    assert!(get(inbox.addr(), "/?lang=xx").0.starts_with("http/1.1 400"));
}
