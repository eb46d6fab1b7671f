//! The `nub` command as a person or a script uses it: results, messages, exit codes.

mod applications;
mod bad_input;
mod conformance;
mod explanations;
mod images;
mod machines;
mod measurements;
mod programs;
mod trees;
mod typed;

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::LazyLock;

/// What a run of the command came to.
struct Finished {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Finished {
    /// The exit code and both outputs in one text, for messages.
    fn report(&self) -> String {
        format!("exit code {:?}\nstdout:\n{}\nstderr:\n{}", self.code, self.stdout, self.stderr)
    }

    #[track_caller]
    fn expect(self, code: i32) -> Finished {
        assert_eq!(self.code, Some(code), "{}", self.report());
        self
    }

    /// Standard error says all of this.
    #[track_caller]
    fn says(self, parts: &[&str]) -> Finished {
        for part in parts {
            assert!(self.stderr.contains(part), "'{part}' is not in\n{}", self.report());
        }
        self
    }

    #[track_caller]
    fn json(&self) -> serde_json::Value {
        serde_json::from_str(self.stdout.trim()).unwrap_or_else(|error| panic!("{error}\n{}", self.report()))
    }
}

/// The command. Programs run on every machine that there is here, and have to come to the same.
fn command() -> Command {
    static ARCH: LazyLock<&str> = LazyLock::new(|| {
        let counter = guest("counter");
        let tried = plain_command().args(["run", &counter, "--endpoint", "get", "--arch", "both"]).output();
        let tried = finished(&tried.expect("the command starts"));
        match tried.code {
            Some(0) => "both",
            // What the library says where there is no KVM.
            Some(6) => {
                nub_test_skip::without_kvm(&tried.stderr.trim_end());
                "local"
            }
            _ => panic!("{}", tried.report()),
        }
    });
    let mut command = plain_command();
    command.env("NUB_ARCH", *ARCH);
    command
}

/// The command as a person finds it.
fn plain_command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nub"));
    command.stdin(Stdio::null()).env("NO_COLOR", "1").env_remove("NUB_ARCH");
    command
}

fn finished(output: &Output) -> Finished {
    Finished {
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

fn nub(arguments: &[&str]) -> Finished {
    finished(&command().args(arguments).output().expect("the command starts"))
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the repository is there")
}

/// An example Image.
fn guest(name: &str) -> String {
    let path = repository().join("guests/images").join(name).with_extension("nub");
    path.to_str().expect("a path of plain text").to_string()
}

/// Calls an endpoint of an example program and gives the JSON object.
#[track_caller]
fn call(name: &str, endpoint: &str, arguments: &[&str]) -> serde_json::Value {
    let image = guest(name);
    let mut line = vec!["--json", "run", &image, "--endpoint", endpoint];
    for argument in arguments {
        line.extend(["--arg", argument]);
    }
    nub(&line).expect(0).json()
}
