//! Every line of bad input: a clear message with the place and the remedy, exit code 2, nothing sent.

use crate::scene::{Scene, list, run};

/// Runs a send over changed files; it must be refused before anything was sent.
fn check(change: impl Fn(&Scene), more: &[&str], parts: &[&str]) {
    let scene = Scene::of(3);
    change(&scene);
    let ran = scene.send(more).expect(2);
    for part in parts {
        assert!(ran.stderr.contains(part), "`{part}` is missing: {ran:?}");
    }
    assert_eq!(ran.stderr.lines().count(), 1, "one message: {ran:?}");
    assert_eq!(ran.stdout, "", "{ran:?}");
    assert_eq!(scene.sink.snapshot().connections, 0);
}

#[test]
fn lists() {
    let list = |octets: &'static [u8]| move |scene: &Scene| scene.write("list.csv", octets);
    check(list(b"name\nx\n"), &[], &["list.csv", "`email` column", "name"]);
    check(list(b""), &[], &["list.csv is empty"]);
    check(list(b"email,name\n"), &[], &["no recipients"]);
    check(list(b"email,name\na@b.jp,\x81\x82\xff\n"), &[], &["wrong charset", "line 2", "save it as UTF-8"]);
    check(list(b"email,name\nnobody,x\n"), &[], &["line 2", "no `@`"]);
    check(list(b"email,name\na@b.jp,\"x\r\ny\"\n"), &[], &["line 2", "`name` has a line break"]);
    check(list(b"email,name\na@b.jp,x\0\n"), &[], &["line 2", "NUL"]);
    check(
        list(b"email,name\n\"a@b.jp\r\nRCPT TO:<c@d.jp>\",x\n"),
        &[],
        &["line 2", "`email` has a line break"],
    );
    check(list(b"email,name\na@b.jp,x\nnobody,x\n"), &["--strict"], &["1 bad rows", "line 3", "--strict"]);
    check(|scene| std::fs::remove_file(scene.path("list.csv")).unwrap(), &[], &["list.csv cannot be read"]);
}

#[test]
fn releases() {
    let release = |text: &'static str| move |scene: &Scene| scene.write("news.md", text);
    check(release("hello"), &[], &["news.md", "`---`"]);
    check(release("---\nfrom: a@b.jp\n---\nx\n"), &[], &["news.md", "`subject`"]);
    check(release("---\nsubject: s\nfrom: nobody\n---\nx\n"), &[], &["line 3", "`from`"]);
    check(
        release("---\nsubject: s\nfrom: a@b.jp\n---\n{{ nmae }}\n"),
        &[],
        &["line 5", "`nmae`", "did you mean `name`?"],
    );
    check(
        release("---\nsubject: \"a\\r\\nBcc: x@y.jp\"\nfrom: a@b.jp\n---\nx\n"),
        &[],
        &["line 2", "control character"],
    );
    check(
        release("---\nsubject: s\nfrom: a@b.jp\nattachments: [x.pdf]\n---\nx\n"),
        &[],
        &["x.pdf cannot be read"],
    );
    check(
        release("---\nsubject: s\nfrom: a@b.jp\nattachments: [../x]\n---\nx\n"),
        &[],
        &["line 4", "`../x`"],
    );
    check(|scene| std::fs::remove_file(scene.path("news.md")).unwrap(), &[], &["news.md cannot be read"]);
    let large = |scene: &Scene| {
        scene.write("news.md", "---\nsubject: s\nfrom: a@b.jp\nattachments: [big.bin]\n---\nx\n");
        std::fs::File::create(scene.path("big.bin")).unwrap().set_len(100 << 20).unwrap();
    };
    check(large, &[], &["big.bin has 100.0 MiB", "at most 25.0 MiB", "link to large files"]);
}

#[test]
fn settings() {
    let nothing = |_: &Scene| {};
    check(nothing, &["--policy", "sometimes"], &["--policy", "`sometimes`", "resend-once"]);
    check(nothing, &["--lane", "fast"], &["--lane", "urgent"]);
    check(nothing, &["--relay-kind", "other-one"], &["--relay-kind", "sendgrid"]);
    check(nothing, &["--relay-password-file", "none"], &["--relay-password-file none"]);
    check(nothing, &["--tenant", ""], &["tenant's name"]);
    check(nothing, &["--ehlo-name", "a b"], &["--ehlo-name"]);
    let key = &["--dkim-key", "news.md", "--dkim-domain", "sakura.example", "--dkim-selector", "s"];
    check(nothing, key, &["--dkim-key news.md", "PEM"]);
}

#[test]
fn a_user_without_password() {
    let scene = Scene::of(3);
    let ran = run(scene.send_through(&format!("smtp://user@{}?tls=none", scene.sink.addr()), &[])).expect(2);
    assert!(ran.stderr.contains("no password") && ran.stderr.contains("HIKYAKU_RELAY_PASSWORD"), "{ran:?}");
}

#[test]
fn a_folder_in_use_names_its_owner() {
    let scene = Scene::behaving(200, "reply-delay:20");
    let running = crate::scene::Running::start(scene.send_command(&["--sessions", "2"]));
    scene.wait_for_kept(2);
    let ran = scene.send(&[]).expect(2);
    assert!(ran.stderr.contains(&format!("in use by another process (pid {})", running.pid())), "{ran:?}");
    let statement = scene.ask(&["statement", "news"]).expect(3);
    assert_eq!(statement.number("unknown"), 0, "readers see the mails on the wire as pending: {statement:?}");
}

#[test]
fn a_damaged_database_is_named() {
    let scene = Scene::of(2000);
    scene.send(&[]).expect(0);
    let path = scene.path("data/books.db");
    let mut octets = std::fs::read(&path).unwrap();
    let length = octets.len();
    octets[4096..length].fill(0x5a);
    std::fs::write(&path, octets).unwrap();
    for ran in [scene.send(&[]), scene.ask(&["statement"])] {
        let ran = ran.expect(2);
        assert!(ran.stderr.contains("damaged") && ran.stderr.contains("restore a backup"), "{ran:?}");
    }
    assert_eq!(scene.kept().len(), 2000);
}

#[test]
fn a_foreign_database_is_left_alone() {
    let scene = Scene::of(2);
    scene.send(&[]).expect(0);
    scene.write("data/books.db", "this is a diary, not a database; ".repeat(200));
    let ran = scene.send(&[]).expect(2);
    assert!(ran.stderr.contains("damaged") || ran.stderr.contains("not a data folder"), "{ran:?}");
}

#[test]
fn a_full_disk_stops_everything_and_loses_nothing() {
    let scene = Scene::of(40_000);
    // A file-size limit stands for a full disk: the books cannot grow beyond 4 MiB, where the journal just fits.
    let words = format!("ulimit -f 4096; exec {} \"$@\"", env!("CARGO_BIN_EXE_hikyaku"));
    let mut command = std::process::Command::new("bash");
    command
        .current_dir(scene.folder.path())
        .arg("-c")
        .arg("trap '' XFSZ; ".to_owned() + &words)
        .arg("hikyaku");
    command.args([
        "send",
        "news.md",
        "--list",
        "list.csv",
        "--data",
        "data",
        "--json",
        "--relay",
        &scene.relay(),
    ]);
    let ran = run(command).expect(2);
    assert!(ran.stderr.contains("space") || ran.stderr.contains("written"), "{ran:?}");
    let again = scene.send(&[]);
    let kept = scene.kept();
    assert_eq!(crate::scene::twice(&kept), 0);
    assert_eq!(again.number("accepted") + again.number("unknown"), 40_000, "{again:?}");
    scene.ask(&["check"]).expect(0);
}

#[test]
fn folders_and_releases_that_are_not_there() {
    let scene = Scene::of(1);
    let ran = scene.ask(&["statement"]).expect(2);
    assert!(ran.stderr.contains("no data folder at data"), "{ran:?}");
    scene.send(&[]).expect(0);
    let ran = scene.ask(&["statement", "other"]).expect(2);
    assert!(ran.stderr.contains("release `other`") && ran.stderr.contains("does not exist"), "{ran:?}");
    let ran = scene.ask(&["recipients", "news", "--outcome", "lost"]).expect(2);
    assert!(ran.stderr.contains("`lost` is none of accepted"), "{ran:?}");
    let ran = scene.ask(&["attempts", "news", "--to", "nobody"]).expect(2);
    assert!(ran.stderr.contains("--to"), "{ran:?}");
}

#[test]
fn a_freeze_that_was_interrupted_is_gone_on_with() {
    let scene = Scene::of(0);
    scene.write("list.csv", list(0..30_000));
    let running = crate::scene::Running::start(scene.send_command(&[]));
    running.signal("KILL");
    running.end();
    assert_eq!(scene.send(&[]).number("audience"), 30_000);
}
