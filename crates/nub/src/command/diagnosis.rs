//! What went wrong in a program, in words: from how it ended, the instruction that ended it, and the memory map.

use javm_cap::{Access, Backing, Image, PAGE_SIZE, SCRATCHPAD_SLOT};
use javm_isa::{Instruction, Kind, Mode, Opcode, Program};
use nub::{Ended, InvokeOutcome};

use super::backtrace::Backtrace;
use super::symbols::Symbols;

/// A failure of the program, for people.
pub(super) struct Diagnosis {
    /// What happened and where.
    pub(super) message: String,
    /// What to do about it, where that is known.
    pub(super) hint: Option<String>,
}

/// Why the run ended otherwise than by a halt; `None` for a halt.
pub(super) fn of(
    outcome: &InvokeOutcome,
    gas: u64,
    image: &Image,
    program: &Program,
    symbols: &Symbols,
    backtrace: Option<&Backtrace>,
) -> Option<Diagnosis> {
    let instruction = program.decode(outcome.pc, Mode::Image);
    // The source line where it is known, else the instruction.
    let culprit =
        backtrace.and_then(Backtrace::culprit).cloned().or_else(|| symbols.places(outcome.pc).into_iter().next());
    let place = match culprit.filter(|place| place.source().is_some()) {
        Some(place) => format!("{place} (pc {:#x})", outcome.pc),
        None => symbols.place(outcome.pc),
    };
    let (message, hint) = match outcome.ended {
        Ended::Halt => return None,
        Ended::OutOfGas if gas == outcome.gas_used => {
            (format!("out of gas in {place}: all {gas} units are used"), Some("give it more with --gas".into()))
        }
        Ended::OutOfGas => (
            format!(
                "out of gas in {place}: {} of {gas} units are used and what comes next costs more than the rest",
                outcome.gas_used
            ),
            Some("give it more with --gas; a program that loops for ever uses up any amount".into()),
        ),
        Ended::Panic if backtrace.is_some_and(Backtrace::is_rust_panic) => {
            (format!("panic in {place}: a Rust panic, which ends in a trap"), None)
        }
        Ended::Panic => (format!("panic in {place}: {}", panic_reason(&instruction, program, outcome)), None),
        Ended::Refused(status) => (
            format!("the call could not end: {status}: {}", status.meaning()),
            Some("what it would leave is larger than a bound or a quota; nothing of it is kept".into()),
        ),
        Ended::Fault { page } => fault(page, &instruction, image, symbols, &place),
    };
    Some(Diagnosis { message, hint })
}

fn panic_reason(instruction: &Instruction, program: &Program, outcome: &InvokeOutcome) -> String {
    match instruction.opcode.row().kind {
        Kind::Load { .. } => "it reads below address 0x10000, as through a null pointer".into(),
        Kind::Store { .. } => "it writes below address 0x10000, as through a null pointer".into(),
        Kind::IndirectJump => {
            let (register, offset) = match instruction.opcode {
                Opcode::JumpInd => (instruction.a, instruction.x),
                _ => (instruction.b, instruction.y),
            };
            let address = outcome.registers[register.index()].wrapping_add(offset) as u32;
            format!("it jumps to {address:#x}, which is no code address")
        }
        Kind::Jump | Kind::Branch => format!("it jumps to {:#x}, where no block starts", instruction.target),
        _ if outcome.pc >= program.code_length() => "it runs past the end of the code".into(),
        _ if program.opcode_at(outcome.pc, Mode::Image) == Some(Opcode::Trap) => {
            "a trap, as a Rust panic or abort() ends in".into()
        }
        _ => "there is no valid instruction".into(),
    }
}

fn fault(
    page: u32,
    instruction: &Instruction,
    image: &Image,
    symbols: &Symbols,
    place: &str,
) -> (String, Option<String>) {
    let writes = matches!(instruction.opcode.row().kind, Kind::Store { .. });
    let does = if writes { "writes" } else { "reads" };
    let number = page / PAGE_SIZE as u32;
    let mapped = image.memory.range(..=number).next_back().filter(|(first, mapping)| number - **first < mapping.pages);
    if let Some((_, mapping)) = mapped {
        let what = match mapping.backing {
            Backing::Ephemeral => "memory".to_string(),
            Backing::Persistent { slot: SCRATCHPAD_SLOT, .. } => "the scratchpad".into(),
            Backing::Persistent { slot, .. } => format!("the Data in slot {slot}"),
        };
        return match mapping.access {
            Access::ReadOnly if writes => {
                (format!("fault in {place}: it writes read-only data (page {page:#x}, {what})"), None)
            }
            _ => (format!("fault in {place}: it {does} page {page:#x}, which is past the end of {what}"), None),
        };
    }
    if let Some(stack) = symbols.stack_overflow(page) {
        return (
            format!("stack overflow in {place}: it {does} page {page:#x}, below the stack of {stack} bytes"),
            Some("link it with a larger stack (nub image build --stack), or recurse less".into()),
        );
    }
    (format!("fault in {place}: it {does} page {page:#x}, where nothing is mapped"), None)
}
