//! A backup of a database that nodes send from is a data folder of one instant, and goes back into either store.

use super::house::{House, ask_from};
use crate::scene::{Ran, Running, Scene, run};

/// What of the copy is known, and that it is on hold.
fn check(statement: &Ran) {
    let accepted = statement.number("accepted");
    assert!((80..400).contains(&accepted), "{statement:?}");
    assert_eq!(statement.json()["state"], "paused");
    assert_eq!(accepted + statement.number("unknown") + statement.number("pending"), 400);
}

pub fn a_backup_taken_while_sending_goes_back_into_either_store(house: &House) {
    let scene = house.furnish(Scene::behaving(400, "reply-delay:10"));
    let running = Running::start(scene.send_command(&["--sessions", "4"]));
    scene.wait_for_kept(100);
    let taken = scene.ask(&["backup", "copy"]).expect(0);
    assert_eq!(taken.number("files"), 4, "two keys, the node's id and the books");
    assert_eq!(running.end().expect(0).number("accepted"), 400, "the send went on");

    // Into a data folder.
    let mut alone = scene.command(&["restore", "copy", "--data", "folder", "--json"]);
    alone.env_remove("HIKYAKU_DATABASE_URL");
    let restored = run(alone).expect(0);
    assert_eq!(restored.json()["on_hold"][0]["release"], "news");
    let ask = |arguments: &[&str]| {
        let mut command = scene.command(arguments);
        command.args(["--data", "folder", "--json"]).env_remove("HIKYAKU_DATABASE_URL");
        run(command)
    };
    ask(&["check"]).expect(0);
    check(&ask(&["statement", "news"]).expect(3));

    // Into another database.
    let mut other = house.furnish(Scene::of(1));
    std::mem::swap(&mut other.folder, &mut { scene }.folder);
    let restored = run({
        let mut command = other.command(&["restore", "copy", "--data", "node", "--json"]);
        command.env("HIKYAKU_LOG", "warn");
        command
    });
    let restored = restored.expect(0);
    assert_eq!(restored.json()["on_hold"][0]["release"], "news");
    let statement = ask_from(&other, "node", &["statement", "news"]).expect(3);
    check(&statement);
    ask_from(&other, "node", &["check"]).expect(0);
    ask_from(&other, "node", &["resume", "news"]).expect(0);
    let mut again = other.command(&["send", "news.md", "--list", "list.csv", "--data", "node", "--json"]);
    again.args(["--relay", &other.relay()]);
    let again = run(again);
    assert_eq!(again.number("accepted") + again.number("unknown"), 400, "{again:?}");
    ask_from(&other, "node", &["check"]).expect(0);
}
