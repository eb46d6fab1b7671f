//! Programs on the interpreter. The bytes say how the run begins and what its host does, then comes the program blob.
//! Whatever they are:
//! - the interpreter and a reference that does nothing to be fast leave the same exits, registers, memory and gas, host
//!   calls answered, gas paid out in portions or missing pages mapped;
//! - so does the interpreter of the `polkavm` crate, where it takes the program and is not known to differ.

use javm_interpreter::Exit;
use javm_isa::{CostModel, Listing, Mode, Program, REG_COUNT};
use javm_testgen::engines::machine::{Calls, Host, Pager, Portions, engine, reference};
use javm_testgen::engines::peer::{Peer, comparable, known_difference};
use javm_testgen::{Case, Config};
use rand::RngExt;

use crate::input::Input;
use crate::{Random, Reached, Target, mutation, program};

/// This target.
pub const TARGET: Target = Target { name: "interpreter", run, generate, mutate, repair, least_accepted: 60 };

/// Bytes before the registers: mode, model and host; gas; what memory holds.
const HEADER: usize = 4;
/// Says that a register's value follows; any other byte stands for an edge or an address.
const VALUE_FOLLOWS: u8 = 0xFF;
/// What registers hold that have no value of their own.
const VALUES: [u64; 16] = [
    0,
    1,
    2,
    u64::MAX,
    1 << 31,
    1 << 63,
    0xFFFF_FFFF,
    0xFFFF_0000,
    0x2_0000,
    0x2_0FFC,
    0x2_1000,
    0x2_2FF9,
    0x3_0000,
    0xFEFD_FFF8,
    4,
    0x8000_0001,
];

thread_local! {
    static PEER: Peer = Peer::new();
}

fn run(bytes: &[u8]) -> Reached {
    let mut input = Input::new(bytes);
    let choices = input.u8();
    let Some(case) = case(choices, &mut input) else { return Reached::Refused };
    let model = if choices & 2 == 0 { CostModel::Flat } else { CostModel::Pipeline };
    match choices >> 2 & 3 {
        0 => against_reference(&case, model, || Portions { portion: case.gas / 16 + 1, left: 4 * case.gas }),
        1 => against_reference(&case, model, Pager::default),
        _ => {
            against_reference(&case, model, || Calls);
            against_polkavm(&case, model);
        }
    }
    Reached::Accepted
}

/// The program and what it starts with; `None` if the rest is no blob.
fn case(choices: u8, input: &mut Input<'_>) -> Option<Case> {
    let mode = if choices & 1 == 0 { Mode::Bare } else { Mode::Image };
    let gas = u64::from(input.u16()) % 8_192;
    let fill = input.u8();
    let registers = [0; REG_COUNT].map(|_: u64| match input.u8() {
        VALUE_FOLLOWS => input.u64(),
        choice => VALUES[usize::from(choice) % VALUES.len()],
    });
    let program = Program::parse(input.rest()).ok()?;
    let memory = Config::default().memory;
    let contents = memory.iter().map(|region| {
        let content: Vec<u8> = (0..region.length).map(|index| (index as u8).wrapping_mul(fill)).collect();
        (region.address, content)
    });
    let contents = if fill == 0 { Vec::new() } else { contents.collect() };
    Some(Case { seed: 0, mode, listing: Listing::of(&program), registers, memory, contents, gas })
}

fn against_reference<H: Host>(case: &Case, model: CostModel, host: impl Fn() -> H) {
    let (ours, expected) = (engine(case, model, &mut host()), reference(case, model, &mut host()));
    assert!(ours == expected, "{model:?}\n{case}\ninterpreter: {ours}\nreference:   {expected}");
    let (last, stopped) = ours.exits.split_last().expect("a run ends");
    assert!(stopped.iter().all(|(exit, _)| !matches!(exit, Exit::Halt | Exit::Panic)), "it went on after {last:?}");
}

fn against_polkavm(case: &Case, model: CostModel) {
    if case.mode != Mode::Bare || known_difference(case, model, &mut Calls).is_some() {
        return;
    }
    if let Some(theirs) = PEER.with(|peer| peer.run(case, model, &mut Calls)) {
        let ours = comparable(engine(case, model, &mut Calls));
        assert!(ours == theirs, "{model:?}\n{case}\ninterpreter: {ours}\npolkavm:     {theirs}");
    }
}

fn generate(random: &mut Random) -> Vec<u8> {
    let mut bytes: Vec<u8> = (0..HEADER).map(|_| random.random()).collect();
    let mode = if bytes[0] & 1 == 0 { Mode::Bare } else { Mode::Image };
    for _ in 0..REG_COUNT {
        if random.random() {
            bytes.push(random.random_range(0..VALUES.len() as u8));
        } else {
            bytes.push(VALUE_FOLLOWS);
            bytes.extend_from_slice(&mutation::number(random).to_le_bytes());
        }
    }
    bytes.extend(program::generate(random, mode));
    bytes
}

/// Where the blob starts.
fn blob_at(bytes: &[u8]) -> usize {
    let mut at = HEADER;
    for _ in 0..REG_COUNT {
        at += if bytes.get(at) == Some(&VALUE_FOLLOWS) { 9 } else { 1 };
    }
    at.min(bytes.len())
}

fn mutate(random: &mut Random, bytes: &mut Vec<u8>, other: &[u8]) {
    let mut blob = bytes.split_off(blob_at(bytes));
    if random.random_ratio(1, 4) {
        mutation::bytes(random, bytes, other);
    } else {
        program::mutate(random, &mut blob, &other[blob_at(other)..]);
    }
    bytes.extend(blob);
}

fn repair(bytes: &mut Vec<u8>) {
    let mut blob = bytes.split_off(blob_at(bytes));
    program::repair(&mut blob);
    bytes.extend(blob);
}
