//! Release files: what is read, and what each mistake is answered with.

use message::ReleaseSource;

fn check_refused(file: &str, expected: &str) {
    match ReleaseSource::parse(file) {
        Ok(_) => panic!("accepted: {file:?}"),
        Err(error) => assert!(error.to_string().contains(expected), "{file:?}: {error}"),
    }
}

/// Puts lines into an otherwise good front matter and expects a refusal.
fn check_line(lines: &str, expected: &str) {
    check_refused(&format!("---\nsubject: a\nfrom: a@example.jp\n{lines}\n---\nbody\n"), expected);
}

#[test]
fn a_whole_file_is_read() {
    let file = "\u{feff}---\r\nsubject: '新製品: {{ 会社名 }} 様'\r\nfrom: さくら <pr@example.jp>\r\nreply_to: desk@example.jp\r\n\
        headers:\r\n  X-Campaign: 春\r\n  Precedence: bulk\r\nattachments:\r\n  - img/日本語.pdf\r\nlang: en-US\r\n---\r\n本文\r\n";
    let source = ReleaseSource::parse(file).expect("reads");
    assert_eq!(source.subject.text, "新製品: {{ 会社名 }} 様");
    assert_eq!(source.subject.line, 2);
    assert_eq!(source.from.name.as_deref(), Some("さくら"));
    assert_eq!(source.reply_to.map(|r| r.address.to_string()).as_deref(), Some("desk@example.jp"));
    let headers: Vec<_> =
        source.headers.iter().map(|h| (h.name.as_str(), h.value.text.as_str(), h.value.line)).collect();
    assert_eq!(headers, [("X-Campaign", "春", 6), ("Precedence", "bulk", 7)]);
    assert_eq!(source.attachments, ["img/日本語.pdf"]);
    assert_eq!(source.lang, "en-US");
    assert_eq!((source.body.text.as_str(), source.body.line), ("本文\r\n", 12));
}

#[test]
fn the_frame_must_be_there() {
    check_refused("subject: a\n", "must start with a line `---`");
    check_refused("", "must start with a line `---`");
    check_refused("---\nsubject: a\n", "has no end");
    check_refused("---\n---\nbody", "has no `subject`");
    check_refused("---\nsubject: a\n---\nbody", "has no `from`");
    check_refused("---\nsubject: ''\nfrom: a@example.jp\n---\nbody", "has no `subject`");
    check_refused("---\nsubject: a\nfrom: a@example.jp\n---\n \n", "has no text");
    check_refused(&format!("---\nsubject: {}\n---\nx", "a".repeat(70_000)), "longer than 65536");
    assert!(
        ReleaseSource::parse_bytes(b"---\nsubject: \x8d\n").is_err_and(|e| e.to_string().contains("line 2"))
    );
    assert!(ReleaseSource::parse_bytes(&vec![b'-'; 11 * 1024 * 1024]).is_err());
}

#[test]
fn mistakes_are_named_with_line_and_remedy() {
    check_line("subjet: b", "line 4: `subjet` is not known; did you mean `subject`?");
    check_line("bcc: b@example.jp", "line 4: `bcc` is not known");
    check_line("reply_to: nobody", "line 4: `reply_to` is not usable: the address has no `@`");
    check_line("reply_to: '{{ email }}'", "cannot hold placeholders");
    check_line("reply_to: \"a\\r\\nBcc: x <b@example.jp>\"", "line break or control character");
    check_line("headers:\n  Bcc: x@example.jp", "line 5: the header `Bcc` cannot be set");
    check_line("headers:\n  X-A: \"a\\nBcc: b\"", "line 5: `X-A` has a line break");
    check_line("headers:\n  X-A: \"a\\0b\"", "line 5: `X-A` has a line break or control");
    check_line("headers:\n  X-A: 1\n  x-a: 2", "it is set twice");
    check_line("headers:\n  X-A: [1]", "`X-A` must be a text");
    check_line(&format!("headers:\n  X-A: {}", "a".repeat(9000)), "longer than 8192");
    check_line("headers: x", "`headers` must be lines of");
    check_line("attachments: a.pdf", "`attachments` must be a list");
    check_line("attachments:\n  - ../secret", "must be a path below");
    check_line("attachments:\n  - /etc/passwd", "must be a path below");
    check_line("attachments:\n  - 'a\\b'", "must be a path below");
    check_line(&format!("attachments:{}", "\n  - a".repeat(21)), "at most 20");
    check_line("lang: '\"><script>'", "`lang` must be a language tag");
    check_line("reply_to: {{ 会社名 }}", "line 4");
    check_line("headers: [", "'quotes'");
    let many: String = (0..51).map(|n| format!("\n  X-{n}: a")).collect();
    check_line(&format!("headers:{many}"), "at most 50");
}
