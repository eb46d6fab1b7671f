//! The one way to standard output and standard error.

use std::io::{self, BufWriter, StdoutLock, Write};

use anstyle::{AnsiColor, Style};
use serde_json::{Value, json};

use super::failure::Failure;

/// Colours for people; they vanish where nobody sees them.
pub(super) const STRONG: Style = Style::new().bold();
pub(super) const GOOD: Style = AnsiColor::Green.on_default().bold();
pub(super) const BAD: Style = AnsiColor::Red.on_default().bold();
pub(super) const FAINT: Style = Style::new().dimmed();

/// Standard output, buffered, as text or as JSON.
pub(super) struct Output {
    json: bool,
    out: BufWriter<anstream::AutoStream<StdoutLock<'static>>>,
}

impl Output {
    pub(super) fn new(json: bool) -> Output {
        Output { json, out: BufWriter::new(anstream::AutoStream::auto(io::stdout().lock())) }
    }

    /// Whether machines read it.
    pub(super) fn is_json(&self) -> bool {
        self.json
    }

    /// Writes a line of text.
    pub(super) fn line(&mut self, line: impl std::fmt::Display) -> Result<(), Failure> {
        writeln!(self.out, "{line}").map_err(of_stdout)
    }

    /// Writes bytes as they are.
    pub(super) fn bytes(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.out.write_all(bytes).map_err(of_stdout)
    }

    /// Writes an object on a line.
    pub(super) fn object(&mut self, value: &Value) -> Result<(), Failure> {
        self.line(value)
    }

    /// Makes sure that everything has arrived.
    pub(super) fn finish(&mut self) -> Result<(), Failure> {
        self.out.flush().map_err(of_stdout)
    }

    /// Says why nothing came of it: on standard error, and for machines as the object that they wait for.
    pub(super) fn failure(&mut self, failure: &Failure) {
        let exit = failure.exit() as u8;
        if self.json {
            let object = json!({ "error": {
                "kind": failure.kind(),
                "code": failure.code(),
                "exit": exit,
                "message": failure.to_string(),
                "hint": failure.hint(),
            }});
            // Where even this cannot be written there is nobody left to tell; the exit code still says it.
            let _ = writeln!(self.out, "{object}").and_then(|()| self.out.flush());
        } else {
            let _ = self.out.flush();
            say(BAD, "error", &failure.to_string());
            if let Some(hint) = failure.hint() {
                say(STRONG, "hint", hint);
            }
        }
    }
}

/// A message beside the result, on standard error.
pub(super) fn say(style: Style, label: &str, message: &str) {
    tell(format_args!("{style}{label}:{style:#} {message}"));
}

/// A line beside the result, on standard error.
pub(super) fn tell(line: impl std::fmt::Display) {
    let _ = writeln!(anstream::stderr(), "{line}");
}

fn of_stdout(error: io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::BrokenPipe => Failure::ReaderGone,
        _ => Failure::write("standard output", error),
    }
}
