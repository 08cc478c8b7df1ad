//! Run again, it finishes what is left and sends nothing twice: after the end, a signal, a kill.

use crate::scene::{Running, Scene, kill_and_go_on, list, twice};

#[test]
fn a_finished_release_is_not_sent_again() {
    let scene = Scene::of(50);
    let first = scene.send(&[]).expect(0);
    let second = scene.send(&[]).expect(0);
    assert_eq!(first.json()["release_id"], second.json()["release_id"]);
    assert_eq!((second.number("accepted"), scene.kept().len()), (50, 50));
}

#[test]
fn a_signal_drains_and_the_next_run_finishes() {
    let scene = Scene::behaving(400, "reply-delay:10");
    let running = Running::start(scene.send_command(&["--sessions", "4"]));
    scene.wait_for_kept(40);
    running.signal("TERM");
    let ran = running.end().expect(3);
    assert_eq!(ran.json()["end"], "drained");
    let (accepted, pending) = (ran.number("accepted"), ran.number("pending"));
    assert!(accepted >= 40 && accepted + pending == 400, "{ran:?}");
    assert_eq!(ran.number("unknown"), 0, "what was on the wire was waited for");
    assert_eq!(scene.kept().len() as u64, accepted);
    let ran = scene.send(&["--sessions", "20"]).expect(0);
    let kept = scene.kept();
    assert_eq!((ran.number("accepted"), kept.len(), twice(&kept)), (400, 400, 0));
}

#[test]
fn a_kill_loses_nothing_and_under_hold_nobody_gets_it_twice() {
    kill_and_go_on(&Scene::behaving(400, "reply-delay:10"));
}

#[test]
fn a_resumed_run_sends_mails_of_the_same_size_with_their_attachment() {
    let scene = Scene::behaving(60, "reply-delay:20");
    scene.write("a.pdf", "attached");
    scene.write(
        "news.md",
        "---\nsubject: s\nfrom: pr@sakura.example\nattachments: [a.pdf]\n---\nHello {{ name }}\n",
    );
    let running = Running::start(scene.send_command(&["--sessions", "2"]));
    scene.wait_for_kept(4);
    running.signal("KILL");
    running.end();
    scene.send(&["--sessions", "20"]);
    let mails = scene.sink.mails();
    let sizes: std::collections::HashSet<_> = mails.iter().map(|mail| mail.octets / 100).collect();
    assert!(sizes.len() <= 2, "{sizes:?}");
}

#[test]
fn changed_content_or_list_is_refused_naming_both_digests() {
    let scene = Scene::of(5);
    scene.send(&[]).expect(0);
    scene.write("list.csv", list(0..6));
    let ran = scene.send(&[]).expect(2);
    assert!(ran.stderr.contains("was frozen with another list (frozen "), "{ran:?}");
    assert!(ran.stderr.contains("--extend") && ran.stderr.contains("--new"), "{ran:?}");
    scene.write("list.csv", list(0..5));
    scene.write("news.md", crate::scene::RELEASE.replace("新商品", "新製品"));
    let ran = scene.send(&[]).expect(2);
    assert!(ran.stderr.contains("was frozen with other content (frozen "), "{ran:?}");
    assert_eq!(scene.kept().len(), 5);
    let ran = scene.send(&["--new"]).expect(0);
    assert_eq!((ran.number("audience"), scene.kept().len()), (5, 10));
    let both = scene.ask(&["statement"]).expect(0);
    assert_eq!((both.number("audience"), both.json()["releases"].as_array().map(Vec::len)), (10, Some(2)));
}

#[test]
fn two_tenants_do_not_meet() {
    let scene = Scene::of(3);
    scene.send(&["--tenant", "alpha"]).expect(0);
    scene.send(&["--tenant", "beta"]).expect(0);
    assert_eq!(scene.kept().len(), 6);
    let alpha = scene.ask(&["statement", "news", "--tenant", "alpha"]).expect(0);
    let foreign = alpha.json()["release_id"].as_str().unwrap().to_owned();
    let ran = scene.ask(&["statement", &foreign, "--tenant", "beta"]).expect(2);
    assert!(ran.stderr.contains("does not exist"), "{ran:?}");
    let ran = scene.ask(&["statement", "--tenant", "gamma"]).expect(2);
    assert!(ran.stderr.contains("tenant `gamma` does not exist"), "{ran:?}");
}
