//! The same instructions on a RISC-V machine and, linked, on ours: registers and memory must come out the same.

use javm_interpreter::bare;
use javm_interpreter::{Exit, State};
use proptest::prelude::*;

use super::elf::File;
use super::machine::{HALT, Machine, machine};
use super::rv::{self, S0, SP, ZERO};
use super::sim::{End, Sim};

/// Memory that the programs use: two pages, s0 in the middle.
const WINDOW: u32 = 0x4_0000;
const WINDOW_BYTES: u32 = 0x2000;
const MIDDLE: u64 = WINDOW as u64 + WINDOW_BYTES as u64 / 2;

/// The register of ours that a RISC-V register is, but for zero.
fn ours(x: usize) -> Option<usize> {
    match x {
        1 | 2 => Some(x - 1),
        5..=15 => Some(x - 3),
        _ => None,
    }
}

/// All operations of two registers: opcode, funct3, funct7.
const REGISTER: [(u32, u32, u32); 45] = [
    (0x33, 0, 0x00),
    (0x33, 1, 0x00),
    (0x33, 2, 0x00),
    (0x33, 3, 0x00),
    (0x33, 4, 0x00),
    (0x33, 5, 0x00),
    (0x33, 6, 0x00),
    (0x33, 7, 0x00),
    (0x33, 0, 0x20),
    (0x33, 5, 0x20),
    (0x33, 4, 0x20),
    (0x33, 6, 0x20),
    (0x33, 7, 0x20),
    (0x33, 0, 0x01),
    (0x33, 1, 0x01),
    (0x33, 2, 0x01),
    (0x33, 3, 0x01),
    (0x33, 4, 0x01),
    (0x33, 5, 0x01),
    (0x33, 6, 0x01),
    (0x33, 7, 0x01),
    (0x33, 4, 0x05),
    (0x33, 5, 0x05),
    (0x33, 6, 0x05),
    (0x33, 7, 0x05),
    (0x33, 1, 0x30),
    (0x33, 5, 0x30),
    (0x33, 5, 0x07),
    (0x33, 7, 0x07),
    (0x3B, 0, 0x00),
    (0x3B, 1, 0x00),
    (0x3B, 5, 0x00),
    (0x3B, 0, 0x20),
    (0x3B, 5, 0x20),
    (0x3B, 0, 0x01),
    (0x3B, 4, 0x01),
    (0x3B, 5, 0x01),
    (0x3B, 6, 0x01),
    (0x3B, 7, 0x01),
    (0x3B, 1, 0x30),
    (0x3B, 5, 0x30),
    (0x0B, 1, 0x20),
    (0x0B, 1, 0x21),
    (0x33, 0, 0x00),
    (0x33, 0, 0x20),
];

/// All operations of one register and a 12-bit immediate: opcode, funct3.
const IMMEDIATE: [(u32, u32); 7] = [(0x13, 0), (0x13, 2), (0x13, 3), (0x13, 4), (0x13, 6), (0x13, 7), (0x1B, 0)];

/// All operations of one register whose immediate field says more: opcode, funct3, field, bits of a shift amount.
const FIXED: [(u32, u32, i32, u32); 20] = [
    (0x13, 1, 0, 6),
    (0x13, 5, 0, 6),
    (0x13, 5, 0x400, 6),
    (0x13, 5, 0x600, 6),
    (0x1B, 1, 0, 5),
    (0x1B, 5, 0, 5),
    (0x1B, 5, 0x400, 5),
    (0x1B, 5, 0x600, 5),
    (0x13, 1, 0x600, 0),
    (0x13, 1, 0x601, 0),
    (0x13, 1, 0x602, 0),
    (0x13, 1, 0x604, 0),
    (0x13, 1, 0x605, 0),
    (0x13, 5, 0x287, 0),
    (0x13, 5, 0x6B8, 0),
    (0x1B, 1, 0x600, 0),
    (0x1B, 1, 0x601, 0),
    (0x1B, 1, 0x602, 0),
    (0x3B, 4, 0x080, 0),
    (0x13, 5, 0x287, 0),
];

/// Numbers at the edges of everything.
const EDGES: [u64; 16] = [
    0,
    1,
    2,
    31,
    32,
    63,
    64,
    0x7FF,
    0x7FFF_FFFF,
    0x8000_0000,
    0xFFFF_FFFF,
    1 << 63,
    (1 << 63) - 1,
    u64::MAX,
    u64::MAX - 1,
    0x0001_0080_FF00_7F80,
];

/// A program, its code ending with a jump to the return address.
fn file(code: &[u8]) -> File {
    File::with_main(code)
}

/// Runs the same code on both machines and compares. `memory` is the contents of the window; empty, there is none.
fn compare(code: &[u8], machine: &mut Machine, x: [u64; 16], memory: &[u8]) -> Result<(), String> {
    let mut sim = Sim { x, code: code.into(), base: WINDOW.into(), memory: memory.into() };
    sim.x[0] = 0;
    sim.x[1] = HALT;
    let before = sim.x;
    let expected = sim.run(HALT);

    if !memory.is_empty() {
        machine.memory.map(WINDOW, WINDOW_BYTES, bare::Access::ReadWrite).unwrap();
        machine.memory.write(WINDOW, memory).unwrap();
    }
    let mut state: State = machine.entry("main", &[]);
    for (number, &value) in before.iter().enumerate() {
        if let Some(register) = ours(number) {
            state.registers[register] = value;
        }
    }
    let exit = machine.run(&mut state);
    let mut left = vec![0; memory.len()];
    if !memory.is_empty() {
        machine.memory.read(WINDOW, &mut left).unwrap();
    }

    let ends = matches!((expected, exit), (End::Halt, Exit::Halt) | (End::Trap, Exit::Panic));
    let registers =
        (0..16).find(|&number| ours(number).is_some_and(|register| state.registers[register] != sim.x[number]));
    let place = left.iter().zip(&sim.memory).position(|(left, right)| left != right);
    // What a trap leaves in registers is nobody's business.
    if ends && (expected == End::Trap || registers.is_none()) && place.is_none() {
        return Ok(());
    }
    let mut text =
        format!("ended {expected:?} and {exit:?}, register x{registers:?} differs, memory differs at {place:x?}\n");
    for (number, &value) in before.iter().enumerate() {
        if let Some(register) = ours(number) {
            let (theirs, ours) = (sim.x[number], state.registers[register]);
            text += &format!("x{number:<2} {value:16x} -> {theirs:16x} {ours:16x}\n");
        }
    }
    text += &machine.text();
    for chunk in code.chunks(2) {
        text += &format!("{:04x} ", u16::from_le_bytes([chunk[0], chunk[1]]));
    }
    Err(text)
}

/// One piece of a random program.
#[derive(Clone, Debug)]
struct Piece {
    kind: u8,
    a: u8,
    b: u8,
    c: u8,
    immediate: u32,
}

/// The registers that programs compute with: x0, sp, t0..t2, s1, a0..a5; few, so that they meet.
fn register(choice: u8) -> u32 {
    [0, 5, 10, 11, 12, 13, 9, 2, 6, 7, 14, 15, 10, 11, 0, 10][usize::from(choice % 16)]
}

/// One of x8 to x15 that may be overwritten.
fn short(choice: u8) -> u32 {
    [9, 10, 11, 12, 13, 14, 15][usize::from(choice % 7)]
}

/// A 12-bit immediate, often near an edge.
fn small(immediate: u32) -> i32 {
    match immediate % 4 {
        0 => [0, 1, -1, 2, 31, 32, 63, 64, -2048, 2047, 255, -64][(immediate / 4 % 12) as usize],
        _ => (immediate as i32) >> 20,
    }
}

enum Unit {
    Wide(u32),
    Narrow(u16),
    /// A branch over the next so many pieces.
    Skip {
        word: fn(i32, &Piece) -> u32,
        over: usize,
    },
    ShortSkip {
        bits: u16,
        over: usize,
    },
}

fn branch_word(offset: i32, piece: &Piece) -> u32 {
    let function = [0, 1, 4, 5, 6, 7][usize::from(piece.c % 6)];
    rv::b(function, register(piece.a), register(piece.b), offset)
}

fn jump_word(offset: i32, _: &Piece) -> u32 {
    rv::j(ZERO, offset)
}

/// The RISC-V instructions of a piece.
fn units(piece: &Piece) -> Vec<Unit> {
    let &Piece { kind, a, b, c, immediate } = piece;
    let (rd, rs1, rs2) = (register(a), register(b), register(c));
    let wide = |words: &[u32]| words.iter().map(|&word| Unit::Wide(word)).collect();
    let narrow = |bits: u32| vec![Unit::Narrow(bits as u16)];
    let over = (immediate % 5) as usize;
    // An offset from s0 that stays in the window.
    let near = (immediate as i32) << 20 >> 21;
    let width = immediate >> 12;
    match kind % 32 {
        0..=7 => {
            let (opcode, funct3, funct7) = REGISTER[immediate as usize % REGISTER.len()];
            wide(&[rv::r(opcode, funct3, funct7, rd, rs1, rs2)])
        }
        8..=10 => {
            let (opcode, funct3) = IMMEDIATE[usize::from(c) % IMMEDIATE.len()];
            wide(&[rv::i(opcode, funct3, rd, rs1, small(immediate))])
        }
        11..=13 => {
            let (opcode, funct3, field, bits) = FIXED[usize::from(c) % FIXED.len()];
            wide(&[rv::i(opcode, funct3, rd, rs1, field | immediate as i32 & ((1 << bits) - 1))])
        }
        14 => wide(&[rv::lui(rd, immediate >> 12)]),
        15 => wide(&[rv::lui(rd, immediate >> 12), rv::addiw(rd, rd, small(immediate))]),
        16 => wide(&[rv::addi(rd, ZERO, small(immediate))]),
        17 => wide(&[rv::i(0x03, width % 7, rd, S0, near)]),
        18 => wide(&[rv::s(width % 4, rs2, S0, near)]),
        // Through a sum, and at a known address.
        19 if rd != ZERO => wide(&[rv::addi(rd, S0, near / 2), rv::i(0x03, width % 7, rs1, rd, near / 2)]),
        20 if rd != ZERO => wide(&[rv::lui(rd, WINDOW >> 12), rv::s(width % 4, rs2, rd, near.abs())]),
        21 if rd != ZERO => wide(&[rv::lui(rd, WINDOW >> 12), rv::i(0x03, width % 7, rs1, rd, near.abs())]),
        // Through a sum that the load itself overwrites: of two registers, and of a register and a known number.
        22 if rd != ZERO && rs2 != rd => {
            let masked = rv::i(0x13, 7, rd, rs2, 0xFF);
            let load = rv::i(0x03, width % 7, rd, rd, near.abs());
            if c & 1 == 0 || rs1 == ZERO || rs1 == rd {
                wide(&[masked, rv::add(rd, rd, S0), load])
            } else {
                wide(&[masked, rv::lui(rs1, WINDOW >> 12), rv::add(rd, rd, rs1), load])
            }
        }
        // A mask made of two shifts, and two shifts that are none.
        23 => {
            let by = immediate as i32 & 63;
            let back = by ^ i32::from(c & 1);
            wide(&[rv::i(0x13, 1, rd, rs1, by), rv::i(0x13, 5, rd, rd, back)])
        }
        24 | 25 => vec![Unit::Skip { word: branch_word, over }],
        26 => vec![Unit::Skip { word: jump_word, over }],
        // A comparison and a branch on its result.
        27 if rd != ZERO => {
            let set = rv::r(0x33, 2 + u32::from(c % 2), 0, rd, rs1, rs2);
            let word: fn(i32, &Piece) -> u32 = match immediate & 1 {
                0 => |offset, piece| rv::b(0, register(piece.a), ZERO, offset),
                _ => |offset, piece| rv::b(1, register(piece.a), ZERO, offset),
            };
            vec![Unit::Wide(set), Unit::Skip { word, over }]
        }
        28 => narrow(compressed(piece)),
        29 => narrow(compressed(piece)),
        30 => {
            vec![Unit::ShortSkip { bits: [0xC001, 0xE001, 0xA001][usize::from(c % 3)] | (a as u16 % 7 + 1) << 7, over }]
        }
        _ => wide(&[rv::i(0x0F, 0, 0, 0, 0)]),
    }
}

/// A compressed instruction that only computes.
fn compressed(piece: &Piece) -> u32 {
    let &Piece { a, b, c, immediate, .. } = piece;
    let (rd, rs) = (register(a), register(b));
    let (short1, short2) = (short(a) - 8, short(b) - 8);
    let bits6 = (immediate >> 5 & 1) << 12 | (immediate & 31) << 2;
    let nonzero6 = if bits6 == 0 { 4 } else { bits6 };
    let any_but_zero = if rd == 0 { 10 } else { rd };
    match c % 12 {
        0 => 0x0001 | rd << 7 | bits6,
        1 => 0x2001 | any_but_zero << 7 | bits6,
        2 => 0x4001 | rd << 7 | bits6,
        3 => 0x6001 | any_but_zero << 7 | nonzero6,
        4 => 0x8001 | short1 << 7 | bits6 | ((immediate >> 6) % 3) << 10,
        5 => 0x8C01 | short1 << 7 | short2 << 2 | (immediate & 3) << 5,
        6 => 0x9C01 | short1 << 7 | short2 << 2 | (immediate & 1) << 5,
        7 => 0x0002 | rd << 7 | bits6,
        8 => 0x8002 | any_but_zero << 7 | (if rs == 0 { 10 } else { rs }) << 2,
        9 => 0x9002 | any_but_zero << 7 | (if rs == 0 { 10 } else { rs }) << 2,
        10 => short2 << 2 | (immediate & 0xFF).max(1) << 5,
        _ => 0x4000 | (immediate >> 3 & 1) << 13 | short2 << 2 | (immediate & 7) << 10 | (immediate >> 4 & 3) << 5,
    }
}

/// The code of all pieces with branches resolved, and the return.
fn assemble(pieces: &[Piece]) -> Vec<u8> {
    let all: Vec<Vec<Unit>> = pieces.iter().map(units).collect();
    let length = |unit: &Unit| match unit {
        Unit::Wide(_) | Unit::Skip { .. } => 4,
        Unit::Narrow(_) | Unit::ShortSkip { .. } => 2,
    };
    let mut starts = vec![0_i32];
    for units in &all {
        starts.push(starts[starts.len() - 1] + units.iter().map(length).sum::<i32>());
    }
    let end = pieces.len();
    let mut code = Vec::new();
    for (index, units) in all.iter().enumerate() {
        for unit in units {
            let to = |over: usize| starts[(index + 1 + over).min(end)] - code.len() as i32;
            match *unit {
                Unit::Wide(word) => code.extend(word.to_le_bytes()),
                Unit::Narrow(bits) => code.extend(bits.to_le_bytes()),
                Unit::Skip { word, over } => {
                    let word = word(to(over), &pieces[index]);
                    code.extend(word.to_le_bytes());
                }
                Unit::ShortSkip { bits, over } => {
                    let o = to(over) as u32;
                    let b = |from: u32, at: u32| ((o >> from & 1) << at) as u16;
                    let bits = if bits & 0xE000 == 0xA000 {
                        0xA001
                            | b(11, 12)
                            | b(4, 11)
                            | b(9, 10)
                            | b(8, 9)
                            | b(10, 8)
                            | b(6, 7)
                            | b(7, 6)
                            | b(3, 5)
                            | b(2, 4)
                            | b(1, 3)
                            | b(5, 2)
                    } else {
                        bits | b(8, 12) | b(4, 11) | b(3, 10) | b(7, 6) | b(6, 5) | b(2, 4) | b(1, 3) | b(5, 2)
                    };
                    code.extend(bits.to_le_bytes());
                }
            }
        }
    }
    code.extend(rv::ret().to_le_bytes());
    code
}

fn piece() -> impl Strategy<Value = Piece> {
    (any::<u8>(), any::<u8>(), any::<u8>(), any::<u8>(), any::<u32>()).prop_map(|(kind, a, b, c, immediate)| Piece {
        kind,
        a,
        b,
        c,
        immediate,
    })
}

fn registers() -> impl Strategy<Value = [u64; 16]> {
    let value = prop_oneof![proptest::sample::select(&EDGES[..]), any::<u64>(), any::<i16>().prop_map(|v| v as u64)];
    proptest::array::uniform16(value)
}

/// Cases of the random tests; the environment variable PROPTEST_CASES overrides it.
fn config() -> ProptestConfig {
    let asked = std::env::var("PROPTEST_CASES").ok().and_then(|text| text.parse().ok());
    ProptestConfig { cases: asked.unwrap_or(10_000), failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn random_programs(pieces in proptest::collection::vec(piece(), 1..50), mut x in registers(), seed: u64) {
        x[S0 as usize] = MIDDLE;
        let code = assemble(&pieces);
        let mut machine = machine(&file(&code));
        let mut state = seed | 1;
        let memory: Vec<u8> = (0..WINDOW_BYTES).map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 32) as u8
        }).collect();
        if let Err(text) = compare(&code, &mut machine, x, &memory) {
            prop_assert!(false, "{}", text);
        }
    }
}

/// Programs that once went wrong, or nearly.
#[test]
fn programs_at_the_edges() {
    let low = 0x80000;
    for words in [
        // Two numbers that are -2^31 add up to no zero.
        &[rv::lui(5, low), rv::add(10, 11, 5), rv::add(12, 10, 5), rv::add(13, 12, 11)][..],
        // A sum of a sum, into its own base, and back.
        &[rv::addi(10, 11, 2047), rv::addi(10, 10, 2047), rv::addi(11, 10, -1), rv::addi(10, 11, 1)],
        // A copy of a register that changes afterwards.
        &[rv::addi(10, 11, 0), rv::addi(11, 12, 5), rv::add(13, 10, 11)],
        // A comparison whose operand changes before the branch.
        &[rv::r(0x33, 2, 0, 10, 11, 12), rv::addi(12, ZERO, 0), rv::b(1, 10, ZERO, 8), rv::addi(13, ZERO, 7)],
    ] {
        let mut words = words.to_vec();
        words.push(rv::ret());
        let code = rv::code(&words);
        let mut machine = machine(&file(&code));
        for (index, &value) in EDGES.iter().enumerate() {
            let mut x = [3; 16];
            (x[11], x[12]) = (value, EDGES[(index + 5) % EDGES.len()]);
            if let Err(text) = compare(&code, &mut machine, x, &[]) {
                panic!("{text}");
            }
        }
    }
}

/// Every operation with every pattern of equal, different and zero registers.
fn every_operation() -> impl Iterator<Item = u32> {
    let choices = [ZERO, SP, 10, 11, 12];
    let registers = move || choices.into_iter().flat_map(move |rd| choices.into_iter().map(move |rs1| (rd, rs1)));
    let three = REGISTER.into_iter().flat_map(move |(opcode, funct3, funct7)| {
        registers()
            .flat_map(move |(rd, rs1)| choices.into_iter().map(move |rs2| rv::r(opcode, funct3, funct7, rd, rs1, rs2)))
    });
    let immediates = IMMEDIATE.into_iter().flat_map(move |(opcode, funct3)| {
        registers().flat_map(move |(rd, rs1)| {
            [0, 1, -1, 5, -2048, 2047].into_iter().map(move |value| rv::i(opcode, funct3, rd, rs1, value))
        })
    });
    let fixed = FIXED.into_iter().flat_map(move |(opcode, funct3, field, bits)| {
        registers().flat_map(move |(rd, rs1)| {
            let largest = (1 << bits) - 1;
            [0, largest / 2, largest].into_iter().map(move |value| rv::i(opcode, funct3, rd, rs1, field | value))
        })
    });
    three.chain(immediates).chain(fixed)
}

/// Operands that are not known to the linker.
#[test]
fn every_operation_on_unknown_values() {
    for word in every_operation() {
        let code = rv::code(&[word, rv::ret()]);
        let mut machine = machine(&file(&code));
        for (index, &a) in EDGES.iter().enumerate() {
            // Four partners for each value, others for each, that come round to all.
            for other in (0..4).map(|turn| (index * 7 + turn * 5) % EDGES.len()) {
                let b = EDGES[other];
                let mut x = [7; 16];
                (x[10], x[11], x[12], x[2]) = (a, b, EDGES[(index + other) % EDGES.len()], a ^ b);
                if let Err(text) = compare(&code, &mut machine, x, &[]) {
                    panic!("{word:08x}: {text}");
                }
            }
        }
    }
}

/// Operands that the linker computes with itself: both, or one of them.
#[test]
fn every_operation_on_known_values() {
    // lui and addiw reach these; some do not fit into 12 bits, the last has its high half set.
    let known = [0_i32, 1, -1, 63, 0x7FF, 0x1000, i32::MAX, i32::MIN, 0x1234_5678];
    let li = |rd: u32, value: i32| {
        let high = (value as u32).wrapping_add(0x800) >> 12;
        [rv::lui(rd, high), rv::addiw(rd, rd, value << 20 >> 20)]
    };
    for word in every_operation() {
        for (index, &value) in known.iter().enumerate() {
            let (first, second) = [(true, false), (false, true), (true, true)][(index + word as usize / 128) % 3];
            let mut words = Vec::new();
            if first {
                words.extend(li(10, value));
            }
            if second {
                words.extend(li(11, known[(index * 4 + 1) % known.len()]));
            }
            words.extend([word, rv::ret()]);
            let code = rv::code(&words);
            let mut machine = machine(&file(&code));
            let mut x = [9; 16];
            (x[10], x[11], x[12], x[2]) = (1 << 63 | 5, u64::MAX, EDGES[index], EDGES[index + 3]);
            if let Err(text) = compare(&code, &mut machine, x, &[]) {
                panic!("{word:08x}: {text}");
            }
        }
    }
}
