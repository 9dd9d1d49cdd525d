//! The executable of the smallest image: what it can do, and that it serves a project.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value as Json;

fn executable() -> Command {
    Command::new(env!("CARGO_BIN_EXE_trestle-serve"))
}

fn run(args: &[&str]) -> Output {
    executable().args(args).output().unwrap()
}

fn churn() -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("projects/churn").display().to_string()
}

#[test]
fn it_has_two_commands() {
    let help = run(&["--help"]);
    assert_eq!(help.status.code(), Some(0));
    let help = String::from_utf8(help.stdout).unwrap();
    let commands: Vec<&str> = help
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert_eq!(commands, ["serve", "health", "help"], "{help}");
    let version = run(&["--version"]);
    assert_eq!(String::from_utf8(version.stdout).unwrap(), concat!("trestle ", env!("CARGO_PKG_VERSION"), "\n"));
    assert_eq!(run(&["inspect", "a.onnx"]).status.code(), Some(2));
}

#[test]
fn what_cannot_be_served_is_told() {
    let refused = run(&["serve", "nowhere"]);
    assert_eq!(refused.status.code(), Some(2));
    let told = String::from_utf8(refused.stderr).unwrap();
    assert!(told.trim_end().lines().last().unwrap().starts_with("error: There is no such file or folder"), "{told}");
    let checked = run(&["serve", &churn(), "--check", "--json"]);
    assert_eq!(checked.status.code(), Some(0), "{checked:?}");
    let report: Json = serde_json::from_slice(&checked.stdout).unwrap();
    assert_eq!(report["project"], "churn");
}

/// A server, ended when the test ends.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

#[test]
fn it_serves_the_example_until_it_is_asked_to_stop() {
    let child =
        executable().args(["serve", &churn(), "--address", "127.0.0.1:0"]).stderr(Stdio::piped()).spawn().unwrap();
    let mut server = Server(child);
    let mut lines = BufReader::new(server.0.stderr.take().unwrap()).lines().map_while(Result::ok);
    let mut told = |message: &str| {
        let found = lines.by_ref().filter_map(|line| serde_json::from_str::<Json>(&line).ok());
        found.into_iter().find(|line| line["message"] == message).unwrap()
    };
    let address = told("listening")["address"].as_str().unwrap().to_owned();
    told("ready");
    let health = run(&["health", &format!("http://{address}/v2/health/ready")]);
    assert_eq!(health.status.code(), Some(0));
    let mut stream = TcpStream::connect(&address).unwrap();
    stream.write_all(b"GET /v2 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    kill_process(Pid::from_child(&server.0), Signal::TERM).unwrap();
    told("drained");
    assert_eq!(server.0.wait().unwrap().code(), Some(0));
    let health = run(&["health", &format!("http://{address}/v2/health/ready")]);
    assert_eq!(health.status.code(), Some(1));
}
