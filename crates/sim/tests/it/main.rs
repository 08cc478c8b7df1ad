//! The simulator as a program: that a seed is a history, and that what must fail does.

use std::process::{Command, Output};

fn simulator(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_hikyaku-sim")).args(arguments).output().expect("the simulator runs")
}

/// The whole history of a seed.
fn history(seed: u64) -> Vec<u8> {
    let output = simulator(&["one", "--seed", &seed.to_string(), "--history"]);
    assert!(output.status.success(), "seed {seed}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

#[test]
fn the_same_seed_is_the_same_history_octet_for_octet() {
    for seed in 1..=12 {
        let first = history(seed);
        assert!(first.len() > 1000, "seed {seed} has a history");
        assert!(first == history(seed), "seed {seed} has two histories");
    }
}

#[test]
fn another_seed_is_another_history() {
    assert!(history(1) != history(2));
}

#[test]
fn a_verdict_names_how_many_seeds_ran() {
    let output = simulator(&["--seeds", "6", "--seed", "100", "--json"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let verdict: serde_json::Value = serde_json::from_slice(&output.stdout).expect("one line of JSON");
    assert_eq!(verdict, serde_json::json!({ "seeds": 6, "breaches": 0, "failing_seeds": [] }));
}
