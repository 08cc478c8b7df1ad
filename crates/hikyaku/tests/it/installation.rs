//! An installation for tests of the service: a tenant with relay, verified domain and key; `serve` over it; and a client
//! that speaks SMTP to it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::scene::{PATIENCE, Ran, Scene, run};

pub const TENANT: &str = "株式会社さくら";
/// The relay's first password.
pub const PASSWORD: &str = "relay-secret-1";

/// A scene whose data folder has the tenant; gives its key.
pub fn furnished(scene: &Scene) -> String {
    furnished_with(scene, "mail.send")
}

/// The same, with a key of these scopes.
pub fn furnished_with(scene: &Scene, scopes: &str) -> String {
    scene.ask(&["tenant", "create", TENANT]).expect(0);
    add_relay(scene, "main", PASSWORD).expect(0);
    scene.ask(&["sender", "verify", "--tenant", TENANT, "--domain", "sakura.example"]).expect(0);
    let made = scene.ask(&["key", "create", "--tenant", TENANT, "--scopes", scopes]).expect(0);
    made.json()["key"].as_str().unwrap().to_owned()
}

pub fn add_relay(scene: &Scene, name: &str, password: &str) -> Ran {
    let url = format!("smtp://apikey@{}?tls=none&auth=plain", scene.sink.addr());
    let mut command = scene.command(&["relay", "add", "--tenant", TENANT, "--name", name, "--url", &url]);
    command.args(["--password-env", "RELAY_PW", "--data", "data", "--json"]).env("RELAY_PW", password);
    run(command)
}

/// A running `hikyaku serve`; killed when dropped.
pub struct Serving {
    child: Child,
    pub submission: SocketAddr,
    pub http: SocketAddr,
}

impl Serving {
    pub fn start(scene: &Scene) -> Self {
        let words = ["serve", "--data", "data", "--json", "--no-tls", "--submission", "127.0.0.1:0"];
        let mut command = scene.command(&words);
        command.args(["--http", "127.0.0.1:0"]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let said: Result<Value, _> = serde_json::from_str(&line);
        let Ok(said) = said else {
            let mut errors = String::new();
            child.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
            panic!("{line:?} {errors}");
        };
        let place = |kind: &str| said[kind][0].as_str().unwrap().parse().unwrap();
        Self { child, submission: place("submission"), http: place("http") }
    }

    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to end, and gives what it said.
    pub fn end(mut self) -> String {
        let pid = self.child.id().to_string();
        assert!(std::process::Command::new("kill").args(["-s", "TERM", &pid]).status().unwrap().success());
        let mut errors = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
        let status = self.child.wait().unwrap();
        assert!(status.success(), "{status}: {errors}");
        errors
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An SMTP client.
pub struct Client {
    link: BufReader<TcpStream>,
}

impl Client {
    pub fn connect(to: SocketAddr) -> Self {
        let link = TcpStream::connect(to).unwrap();
        link.set_read_timeout(Some(PATIENCE)).unwrap();
        link.set_nodelay(true).unwrap();
        let mut client = Self { link: BufReader::new(link) };
        assert!(client.reply().unwrap().starts_with("220"));
        assert!(client.say("EHLO client.example").starts_with("250"));
        client
    }

    /// Logged in with a key.
    pub fn log_in(to: SocketAddr, key: &str) -> Self {
        let mut client = Self::connect(to);
        let answer = client.auth("apikey", key);
        assert!(answer.starts_with("235"), "{answer}");
        client
    }

    pub fn auth(&mut self, user: &str, secret: &str) -> String {
        self.say(&format!("AUTH PLAIN {}", STANDARD.encode(format!("\0{user}\0{secret}"))))
    }

    /// A command, and the last line of its reply.
    pub fn say(&mut self, command: &str) -> String {
        self.link.get_mut().write_all(format!("{command}\r\n").as_bytes()).unwrap();
        self.reply().unwrap()
    }

    /// Hands a mail in; gives the reply to what was refused, or to its end. `None` when the link broke.
    pub fn send(&mut self, from: &str, to: &[&str], message: &str) -> Option<String> {
        let mut flight = vec![format!("MAIL FROM:<{from}>")];
        flight.extend(to.iter().map(|to| format!("RCPT TO:<{to}>")));
        flight.push("DATA".to_owned());
        for command in flight {
            self.link.get_mut().write_all(format!("{command}\r\n").as_bytes()).ok()?;
            let reply = self.reply()?;
            if !reply.starts_with('2') && !reply.starts_with('3') {
                self.link.get_mut().write_all(b"RSET\r\n").ok()?;
                self.reply()?;
                return Some(reply);
            }
        }
        self.link
            .get_mut()
            .write_all(format!("{}\r\n.\r\n", message.replace('\n', "\r\n")).as_bytes())
            .ok()?;
        self.reply()
    }

    fn reply(&mut self) -> Option<String> {
        loop {
            let mut line = String::new();
            if self.link.read_line(&mut line).ok()? == 0 {
                return None;
            }
            if line.as_bytes().get(3) != Some(&b'-') {
                return Some(line.trim_end().to_owned());
            }
        }
    }
}

/// A mail with this subject.
pub fn mail(from: &str, subject: &str) -> String {
    format!(
        "From: =?utf-8?B?5bqD5aCx?= <{from}>\nTo: reader@example.jp\nBcc: secret@example.jp\nSubject: {subject}\n\nBody\n"
    )
}
