//! Each fault as a client sees it, and as the book tells it.

use std::time::Duration;

use testkit::sink::{Act, Behaviour, Sink, SinkConfig, SinkHandle, Verdict, When};

use crate::dialogue::Talk;

const SOON: Duration = Duration::from_secs(20);

fn start(behaviour: Behaviour) -> SinkHandle {
    Sink::start(SinkConfig { behaviour, ..SinkConfig::default() }).expect("the sink starts")
}

fn always(act: Act) -> SinkHandle {
    start(Behaviour::default().with(When::Always, act, None))
}

/// The verdict of the only mail, once it is in the book.
#[track_caller]
fn check_verdict(sink: SinkHandle, verdict: Verdict, kept: u64) {
    let done = sink.wait_until_blocking(SOON, |now| now.count(verdict) == 1);
    let snapshot = done.unwrap_or_else(|now| panic!("no {verdict:?}: {now:?}"));
    assert_eq!(snapshot.kept, kept, "{verdict:?}");
    assert_eq!(snapshot.verdicts.len(), 1, "{snapshot:?}");
}

#[test]
fn faults_at_rcpt_are_replies() {
    let check = |act, code: &str, verdict| {
        let sink = always(act);
        let mut talk = Talk::greeted(sink.addr());
        talk.say("MAIL FROM:<f@example.jp>\r\nRCPT TO:<a@example.jp>\r\nDATA");
        talk.expect("250");
        talk.expect(code);
        if verdict == Verdict::Storm {
            assert_eq!(talk.rest(), b"", "closed after 421");
        } else {
            talk.expect("554");
        }
        check_verdict(sink, verdict, 0);
    };
    check(Act::Refuse, "550 5.1.1", Verdict::RefusedRcpt);
    check(Act::Defer, "451 4.7.1", Verdict::DeferredRcpt);
    check(Act::Storm, "421 4.3.2", Verdict::Storm);
}

#[test]
fn faults_after_the_mail_are_replies() {
    let check = |act, code: &str, verdict, kept| {
        let sink = always(act);
        let mut talk = Talk::greeted(sink.addr());
        talk.send_mail("a@example.jp", "m1");
        talk.expect(code);
        check_verdict(sink, verdict, kept);
    };
    check(Act::RefuseData, "554 5.7.1", Verdict::RefusedData, 0);
    check(Act::DeferData, "452 4.2.2", Verdict::DeferredData, 0);
    check(Act::Garbage, "\0", Verdict::Garbage, 1);
    check(Act::Slow(Duration::from_millis(5)), "250", Verdict::Accepted, 1);
}

#[test]
fn cuts_say_nothing() {
    let check = |act, verdict, kept| {
        let sink = always(act);
        let mut talk = Talk::greeted(sink.addr());
        talk.send_mail("a@example.jp", "m1");
        assert_eq!(talk.rest(), b"", "{verdict:?}");
        check_verdict(sink, verdict, kept);
    };
    check(Act::CutAfterDot, Verdict::CutAfterDot, 1);
    check(Act::CutBeforeDot, Verdict::CutBeforeDot, 0);
}

#[test]
fn replies_to_earlier_mails_precede_a_cut() {
    let sink = start(Behaviour::by_address());
    let mut talk = Talk::greeted(sink.addr());
    let mail =
        |to: &str| format!("MAIL FROM:<f@x.jp>\r\nRCPT TO:<{to}>\r\nDATA\r\nSubject: s\r\n\r\nx\r\n.\r\n");
    talk.send(format!("{}{}{}", mail("a@x.jp"), mail("cut-1@x.jp"), mail("b@x.jp")).as_bytes());
    for code in ["250", "250", "354", "250", "250", "250", "354"] {
        talk.expect(code);
    }
    assert_eq!(talk.rest(), b"");
    let verdicts: Vec<_> = sink.mails().into_iter().map(|mail| mail.verdict).collect();
    assert_eq!(verdicts, [Verdict::Accepted, Verdict::CutAfterDot], "the third was never read");
}

#[test]
fn silence_lasts_until_the_client_goes() {
    let sink = always(Act::NeverReply);
    let mut talk = Talk::greeted(sink.addr());
    talk.send_mail("a@example.jp", "m1");
    let silent = sink.wait_until_blocking(SOON, |now| now.count(Verdict::NoReply) == 1).expect("read");
    assert_eq!((silent.connections_now, silent.kept), (1, 1));
    drop(talk);
    sink.wait_until_blocking(SOON, |now| now.connections_now == 0).expect("the link ends");
}

#[test]
fn a_connection_ends_after_its_mails() {
    let sink = start(Behaviour { close_after_messages: Some(2), ..Behaviour::default() });
    let mut talk = Talk::greeted(sink.addr());
    for id in ["m1", "m2"] {
        talk.send_mail("a@example.jp", id);
        talk.expect("250");
    }
    talk.say("MAIL FROM:<f@example.jp>");
    talk.expect("421 4.7.0");
    assert_eq!(talk.rest(), b"");
    assert_eq!(sink.snapshot().accepted, 2);
}

#[test]
fn refused_secrets_and_changed_behaviour() {
    let sink = start(Behaviour { refused_secrets: vec!["s".to_owned()], ..Behaviour::default() });
    let mut talk = Talk::greeted(sink.addr());
    talk.say("AUTH PLAIN AHUAcw==");
    talk.expect("535 5.7.8");
    sink.set_behaviour(Behaviour::default());
    talk.say("AUTH PLAIN AHUAcw==");
    talk.expect("235");
}

#[test]
fn connections_can_be_cut_from_outside() {
    let sink = start(Behaviour::default());
    let mut talk = Talk::greeted(sink.addr());
    talk.say("MAIL FROM:<f@x.jp>\r\nRCPT TO:<a@x.jp>\r\nDATA\r\nhalf");
    for code in ["250", "250", "354"] {
        talk.expect(code);
    }
    sink.cut_connections();
    assert_eq!(talk.rest(), b"");
    let after = sink.wait_until_blocking(SOON, |now| now.connections_now == 0).expect("the link ends");
    assert_eq!((after.torn_mails, after.kept), (1, 0));
    Talk::greeted(sink.addr());
}
