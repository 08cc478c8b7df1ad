//! Runs the peers: Python (`email`, dkimpy) and Node (mailparser).
//!
//! `HIKYAKU_PEERS_PYTHON` names a Python that has dkimpy, `HIKYAKU_PEERS_NODE_MODULES` the folder of
//! `npm ci` on `tests/peers/package.json`. Where one is unset its tests print `skipped: …` and pass, unless `CI` is
//! `true` or `HIKYAKU_REQUIRE_PEERS` is set: then they fail.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

/// A peer's program, or why its test is skipped.
pub fn peer(variable: &str) -> Result<Option<PathBuf>> {
    if let Some(path) = std::env::var_os(variable).filter(|v| !v.is_empty()) {
        return Ok(Some(path.into()));
    }
    let required =
        std::env::var("CI").is_ok_and(|v| v == "true") || std::env::var_os("HIKYAKU_REQUIRE_PEERS").is_some();
    if required {
        bail!(
            "{variable} is not set, but CI or HIKYAKU_REQUIRE_PEERS asks for the peers; see crates/message/tests/peers"
        );
    }
    println!("skipped: {variable} is not set (see crates/message/tests/peers)");
    Ok(None)
}

/// Feeds `input` to a script of `tests/peers` and reads the JSON that it prints.
pub fn run(program: &Path, script: &str, node_modules: Option<&Path>, input: &Value) -> Result<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers").join(script);
    let mut command = Command::new(program);
    command.arg(path).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    if let Some(folder) = node_modules {
        command.env("NODE_PATH", folder);
    }
    let mut child = command.spawn().with_context(|| format!("start {}", program.display()))?;
    let mut stdin = child.stdin.take().context("no stdin")?;
    let text = serde_json::to_vec(input)?;
    let writer = std::thread::spawn(move || stdin.write_all(&text));
    let output = child.wait_with_output()?;
    let wrote = writer.join();
    ensure!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
    ensure!(matches!(wrote, Ok(Ok(()))), "{script} did not read its input");
    Ok(serde_json::from_slice(&output.stdout)?)
}
