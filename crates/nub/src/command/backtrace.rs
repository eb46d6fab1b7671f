//! Where a program was when it failed: the calls that were open, by function and source line.

use javm_isa::Program;
use nub::{Ended, InvokeOutcome};
use serde_json::{Value, json};

use super::calls::Calls;
use super::number;
use super::output::{FAINT, STRONG, tell};
use super::symbols::{Place, Symbols};

/// A call that used more gas than this is not run again for its calls: that would take minutes.
pub(super) const MAX_GAS: u64 = 2_000_000_000;

/// How many of the innermost and of the outermost calls are shown.
const INNERMOST: usize = 24;
const OUTERMOST: usize = 8;

/// Functions that a Rust panic goes through, by how their names begin.
const PANICKING: [&str; 4] =
    ["core::panicking::", "__rustc::rust_begin_unwind", "rust_begin_unwind", "javm_guest::panic"];

/// A function at work.
struct Frame {
    pc: u32,
    place: Place,
    /// Whether it belongs to a library's way from a failed check to the trap.
    is_hidden: bool,
}

/// One line of it.
enum Line {
    Frame(Frame),
    /// So many calls are not shown.
    LeftOut(u64),
}

/// The open calls, the innermost first.
pub(super) struct Backtrace(Vec<Line>);

impl Backtrace {
    /// Of a run that has ended at `outcome`.
    pub(super) fn new(
        calls: &mut Calls<'_>,
        outcome: &InvokeOutcome,
        program: &Program,
        symbols: &Symbols,
    ) -> Backtrace {
        calls.finish(outcome.pc);
        let open: Vec<Result<u32, u64>> = calls.open().map(|call| call.map(|call| call.pc)).collect();
        let mut pcs: Vec<Result<u32, u64>> = vec![Ok(outcome.pc)];
        if open.len() > INNERMOST + OUTERMOST {
            let (first, rest) = open.split_at(INNERMOST);
            let (middle, last) = rest.split_at(rest.len() - OUTERMOST);
            pcs.extend(first);
            pcs.push(Err(middle.iter().map(|call| call.err().unwrap_or(1)).sum()));
            pcs.extend(last);
        } else {
            pcs.extend(open);
        }
        let mut lines = Vec::new();
        for pc in pcs {
            match pc {
                Ok(pc) => lines.extend(
                    symbols.places(pc).into_iter().map(|place| Line::Frame(Frame { pc, place, is_hidden: false })),
                ),
                Err(count) => lines.push(Line::LeftOut(count)),
            }
        }
        let mut backtrace = Backtrace(lines);
        let is_trap = program.opcode_at(outcome.pc, javm_isa::Mode::Image) == Some(javm_isa::Opcode::Trap);
        if outcome.ended == Ended::Panic && is_trap {
            backtrace.hide_libraries();
        }
        backtrace
    }

    /// Hides the libraries' way from what failed to the trap, so that the first function shown is the program's own.
    fn hide_libraries(&mut self) {
        let frames = || self.0.iter().map_while(Line::frame);
        let hidden = frames().take_while(|frame| frame.place.is_library()).count();
        if frames().nth(hidden).is_some() {
            for line in &mut self.0[..hidden] {
                if let Line::Frame(frame) = line {
                    frame.is_hidden = true;
                }
            }
        }
    }

    /// Whether a Rust panic has ended the run.
    pub(super) fn is_rust_panic(&self) -> bool {
        let is_panicking = |frame: &Frame| PANICKING.iter().any(|name| frame.place.function().starts_with(name));
        self.0.iter().filter_map(Line::frame).take_while(|frame| frame.is_hidden).any(is_panicking)
    }

    /// The function that matters most: the innermost of the program itself.
    pub(super) fn culprit(&self) -> Option<&Place> {
        let frames = || self.0.iter().filter_map(Line::frame).map(|frame| &frame.place);
        frames().find(|place| !place.is_library()).or(frames().next())
    }

    /// Shows it on standard error, a line a function.
    pub(super) fn print(&self) {
        tell(format_args!("{STRONG}calls{STRONG:#}, the innermost first:"));
        let hidden = self.0.iter().filter_map(Line::frame).filter(|frame| frame.is_hidden).count();
        if hidden > 0 {
            let what = if hidden == 1 { "function" } else { "functions" };
            tell(format_args!(
                "     {FAINT}{hidden} {what} of libraries on the way to the trap; --json has all{FAINT:#}"
            ));
        }
        let mut number = 0;
        for line in &self.0 {
            match line {
                Line::Frame(frame) if frame.is_hidden => {}
                Line::Frame(Frame { place, .. }) => {
                    let inlined = if place.is_inlined() { " (inlined)" } else { "" };
                    let source = place.source().map_or(String::new(), |source| format!("  {FAINT}{source}{FAINT:#}"));
                    tell(format_args!("{number:>4} {}{inlined}{source}", place.function()));
                    number += 1;
                }
                Line::LeftOut(count) => {
                    tell(format_args!("     {FAINT}... {} calls more{FAINT:#}", number::grouped(*count)));
                }
            }
        }
    }

    /// For machines: an object a function, all of them; `left_out` says how many calls are missing in between.
    pub(super) fn object(&self) -> Value {
        let object = |line: &Line| match line {
            Line::Frame(frame) => json!({
                "pc": frame.pc,
                "function": frame.place.name(),
                "file": frame.place.file(),
                "line": frame.place.line(),
                "inlined": frame.place.is_inlined(),
                "hidden": frame.is_hidden,
            }),
            Line::LeftOut(count) => json!({ "left_out": count }),
        };
        self.0.iter().map(object).collect()
    }
}

impl Line {
    fn frame(&self) -> Option<&Frame> {
        match self {
            Line::Frame(frame) => Some(frame),
            Line::LeftOut(_) => None,
        }
    }
}
