//! What each kind of relocation does, in files written byte by byte.

use javm_interpreter::Exit;
use proptest::prelude::*;

use super::elf::{ABSOLUTE, ALLOC, COMMON, File, WRITE};
use super::machine::{Machine, machine};
use super::rv::{self, A0, A1, RA, SP, T0, T1, ZERO};

const ABSOLUTE_32: u32 = 1;
const ABSOLUTE_64: u32 = 2;
const BRANCH: u32 = 16;
const JAL: u32 = 17;
const CALL: u32 = 18;
const CALL_PLT: u32 = 19;
const GOT_HI20: u32 = 20;
const PCREL_HI20: u32 = 23;
const PCREL_LO12_I: u32 = 24;
const PCREL_LO12_S: u32 = 25;
const HI20: u32 = 26;
const LO12_I: u32 = 27;
const LO12_S: u32 = 28;
const ALIGN: u32 = 43;
const RVC_BRANCH: u32 = 44;
const RVC_JUMP: u32 = 45;
const RVC_LUI: u32 = 46;
const RELAX: u32 = 51;

/// A function that gives `number`.
fn giving(file: &mut File, name: &str, number: i32) -> u32 {
    let text = file.text(&format!(".text.{name}"), &rv::code(&[rv::addi(A0, ZERO, number), rv::ret()]));
    file.function(name, text, 0, 8)
}

/// The result of the endpoint `main`, and the same of the file in the form that a linker leaves.
fn result(file: &File) -> u64 {
    let result = machine(file).result("main", &[]);
    assert_eq!(machine(&as_linked(file)).result("main", &[]), result);
    result
}

/// The file as a linker with --emit-relocs leaves it: sections at addresses, symbols and relocations by address.
fn as_linked(file: &File) -> File {
    let mut linked = file.clone();
    linked.file_type = 3;
    let mut next = 0x1_0000;
    for section in &mut linked.sections {
        if section.flags & ALLOC != 0 {
            section.address = next;
            next += section.size.max(section.data.len() as u64).next_multiple_of(0x1000) + 0x1000;
        }
    }
    let base = |section: u16| linked.sections[usize::from(section) - 1].address;
    let bases: Vec<u64> = (1..=linked.sections.len() as u16).map(base).collect();
    for symbol in &mut linked.symbols {
        if let Some(base) = usize::from(symbol.section).checked_sub(1).and_then(|index| bases.get(index)) {
            symbol.value += base;
        }
    }
    for (&section, relocations) in &mut linked.relocations {
        for relocation in relocations {
            relocation.offset += bases[usize::from(section) - 1];
        }
    }
    // A file is only taken for a linked program with relocations if its code has some.
    let text = linked.sections.iter().position(|section| section.name == ".text.main").unwrap() as u16 + 1;
    let none = linked.symbol("", (0, 0), ABSOLUTE, 0, 0);
    linked.relocate(text, bases[usize::from(text) - 1], RELAX, none, 0);
    linked
}

#[test]
fn calls() {
    for kind in [CALL, CALL_PLT] {
        let mut file = File::with_main(&rv::code(&[
            rv::addi(SP, SP, -16),
            rv::sd(RA, SP, 8),
            rv::auipc(RA, 0),
            rv::jalr(RA, RA, 0),
            rv::addi(A0, A0, 1),
            rv::ld(RA, SP, 8),
            rv::addi(SP, SP, 16),
            rv::ret(),
        ]));
        let callee = giving(&mut file, "callee", 41);
        file.relocate(1, 8, kind, callee, 0);
        file.relocate(1, 8, RELAX, 0, 0);
        assert_eq!(result(&file), 42);
    }
}

#[test]
fn calls_through_another_link_register() {
    // As routines that save registers are called: the return address in t0.
    let mut file = File::with_main(&rv::code(&[rv::auipc(T0, 0), rv::jalr(T0, T0, 0), rv::addi(A0, A0, 1), rv::ret()]));
    let text = file.text(".text.save", &rv::code(&[rv::addi(A0, ZERO, 9), rv::jalr(ZERO, T0, 0)]));
    let callee = file.function("save", text, 0, 8);
    file.relocate(1, 0, CALL, callee, 0);
    assert_eq!(result(&file), 10);
}

#[test]
fn tail_calls_and_jumps() {
    // auipc t1, 0; jr t1 / j / c.j
    for (kind, code) in [
        (CALL_PLT, rv::code(&[rv::auipc(T1, 0), rv::jalr(ZERO, T1, 0)])),
        (JAL, rv::code(&[rv::j(ZERO, 0)])),
        (RVC_JUMP, vec![0x01, 0xA0]),
    ] {
        let mut file = File::with_main(&code);
        let callee = giving(&mut file, "callee", 7);
        file.relocate(1, 0, kind, callee, 0);
        assert_eq!(result(&file), 7);
        // To the second instruction: a0 is still what it was.
        let first = file.relocations.get_mut(&1).unwrap();
        first[0].addend = 4;
        assert_eq!(machine(&file).result("main", &[3]), 3);
    }
}

#[test]
fn branches() {
    for (kind, branch) in [(BRANCH, rv::code(&[rv::b(0, A0, ZERO, 0)])), (RVC_BRANCH, vec![0x01, 0xC1])] {
        let mut code = branch;
        code.extend(rv::code(&[rv::addi(A0, ZERO, 1), rv::ret()]));
        let mut file = File::with_main(&code);
        let target = giving(&mut file, "target", 2);
        file.relocate(1, 0, kind, target, 0);
        let mut machine = machine(&file);
        assert_eq!((machine.result("main", &[0]), machine.result("main", &[5])), (2, 1));
    }
}

/// A file whose `main` is `code`, with eight words of data behind symbol `words`.
fn with_words(code: &[u32]) -> (File, u32) {
    let mut file = File::with_main(&rv::code(code));
    let words: Vec<u8> = (1..=8_u64).flat_map(|word| (word * 11).to_le_bytes()).collect();
    let data = file.section(".data", ALLOC | WRITE, &words);
    let words = file.symbol("words", (1, 1), data, 0, 64);
    (file, words)
}

#[test]
fn addresses_relative_to_the_instruction() {
    let (mut file, words) = with_words(&[
        rv::auipc(A0, 0),
        rv::addi(A0, A0, 0),
        rv::ld(A0, A0, 8),
        rv::auipc(A1, 0),
        rv::sd(A0, A1, 0),
        rv::auipc(A1, 0),
        rv::ld(A0, A1, 0),
        rv::ret(),
    ]);
    let labels = [0, 12, 20].map(|offset| file.label("", 1, offset));
    file.relocate(1, 0, PCREL_HI20, words, 16);
    file.relocate(1, 4, PCREL_LO12_I, labels[0], 0);
    file.relocate(1, 12, PCREL_HI20, words, 56);
    file.relocate(1, 16, PCREL_LO12_S, labels[1], 0);
    file.relocate(1, 20, PCREL_HI20, words, 56);
    file.relocate(1, 24, PCREL_LO12_I, labels[2], 0);
    assert_eq!(result(&file), 44);
}

#[test]
fn one_high_part_for_several_low_ones() {
    // In another block, where nothing is known of the register any more, and indexed.
    let (mut file, words) = with_words(&[
        rv::auipc(A1, 0),
        rv::b(0, A0, ZERO, 8),
        rv::addi(A0, ZERO, 8),
        rv::add(T0, A1, A0),
        rv::ld(A0, A1, 0),
        rv::ld(T0, T0, 0),
        rv::add(A0, A0, T0),
        rv::ret(),
    ]);
    let label = file.label("", 1, 0);
    file.relocate(1, 0, PCREL_HI20, words, 8);
    file.relocate(1, 16, PCREL_LO12_I, label, 0);
    file.relocate(1, 20, PCREL_LO12_I, label, 0);
    let mut machine = machine(&file);
    assert_eq!((machine.result("main", &[0]), machine.result("main", &[1])), (44, 55));
}

#[test]
fn a_copied_high_part_keeps_its_value() {
    // mv between auipc and its completion, and a function instead of data.
    let mut file = File::with_main(&rv::code(&[
        rv::auipc(T0, 0),
        rv::addi(T1, T0, 0),
        rv::addi(T1, T1, 0),
        rv::jalr(ZERO, T1, 0),
    ]));
    let callee = giving(&mut file, "callee", 6);
    let label = file.label("", 1, 0);
    file.relocate(1, 0, PCREL_HI20, callee, 0);
    file.relocate(1, 8, PCREL_LO12_I, label, 0);
    assert_eq!(result(&file), 6);
}

#[test]
fn jumps_through_a_completed_address() {
    for kind in [PCREL_HI20, HI20] {
        let first = if kind == HI20 { rv::lui(T0, 0) } else { rv::auipc(T0, 0) };
        let mut file = File::with_main(&rv::code(&[first, rv::jalr(ZERO, T0, 0)]));
        let callee = giving(&mut file, "callee", 5);
        let label = file.label("", 1, 0);
        file.relocate(1, 0, kind, callee, 0);
        match kind {
            HI20 => file.relocate(1, 4, LO12_I, callee, 0),
            _ => file.relocate(1, 4, PCREL_LO12_I, label, 0),
        }
        assert_eq!(result(&file), 5);
    }
}

#[test]
fn a_jump_completes_an_address_in_another_block() {
    let mut file = File::with_main(&rv::code(&[
        rv::auipc(T0, 0),
        rv::b(0, A0, ZERO, 8),
        rv::addi(A1, ZERO, 1),
        rv::jalr(ZERO, T0, 0),
    ]));
    let callee = giving(&mut file, "callee", 8);
    let label = file.label("", 1, 0);
    file.relocate(1, 0, PCREL_HI20, callee, 0);
    file.relocate(1, 12, PCREL_LO12_I, label, 0);
    assert_eq!(result(&file), 8);
}

#[test]
fn addresses_from_the_global_offset_table() {
    let (mut file, words) = with_words(&[rv::auipc(A0, 0), rv::ld(A1, A0, 0), rv::ld(A0, A1, 0), rv::ret()]);
    let label = file.label("", 1, 0);
    file.relocate(1, 0, GOT_HI20, words, 24);
    file.relocate(1, 4, PCREL_LO12_I, label, 0);
    assert_eq!(result(&file), 44);
}

#[test]
fn absolute_addresses() {
    let (mut file, words) = with_words(&[
        rv::lui(A0, 0),
        rv::addi(A1, A0, 0),
        rv::ld(A1, A1, 0),
        rv::ld(A0, A0, 0),
        rv::add(A0, A0, A1),
        rv::lui(A1, 0),
        rv::sd(A0, A1, 0),
        // Without a high part, as linkers leave it near address zero: the low part is all of it.
        rv::ld(A0, ZERO, 0),
        rv::ret(),
    ]);
    file.relocate(1, 0, HI20, words, 0);
    file.relocate(1, 4, LO12_I, words, 8);
    file.relocate(1, 12, LO12_I, words, 16);
    file.relocate(1, 20, HI20, words, 32);
    file.relocate(1, 24, LO12_S, words, 32);
    file.relocate(1, 28, LO12_I, words, 32);
    assert_eq!(result(&file), 55);
}

#[test]
fn the_halves_of_addresses_at_any_distance() {
    // The low part is signed: from 0x800 on the high part is one more.
    for addend in [0, 0x7FF, 0x800, 0x801, 0xFFF, 0x1000, 0x17FF, 0x1800, -1, -0x801] {
        let (mut file, words) = with_words(&[rv::lui(A0, 0), rv::addi(A0, A0, 0), rv::ret()]);
        file.relocate(1, 0, HI20, words, addend);
        file.relocate(1, 4, LO12_I, words, addend);
        let data = machine(&file).linked.symbols.data[0].start;
        assert_eq!(result(&file), (i64::from(data) + addend) as u64);
        file.relocations.get_mut(&1).unwrap().retain(|relocation| relocation.kind == HI20);
        assert_eq!(result(&file), (i64::from(data) + addend + 0x800) as u64 & !0xFFF);
    }
}

#[test]
fn compressed_high_parts() {
    // c.lui a0, 1
    let mut code = vec![0x05, 0x65];
    code.extend(rv::code(&[rv::ld(A0, A0, 0), rv::ret()]));
    let mut file = File::with_main(&code);
    let data = file.section(".data", ALLOC | WRITE, &77_u64.to_le_bytes());
    let word = file.symbol("word", (1, 1), data, 0, 8);
    file.relocate(1, 0, RVC_LUI, word, 0);
    file.relocate(1, 2, LO12_I, word, 0);
    assert_eq!(result(&file), 77);
}

#[test]
fn pairs_that_the_assembler_completed() {
    // .option norelax: nothing moves, so that the assembler leaves no relocation.
    let file = File::with_main(&rv::code(&[
        rv::auipc(T0, 0),
        rv::addi(T0, T0, 20),
        rv::jalr(ZERO, T0, 0),
        rv::UNIMP,
        rv::UNIMP,
        rv::auipc(T1, 0),
        rv::jalr(ZERO, T1, 12),
        rv::UNIMP,
        rv::addi(A0, ZERO, 33),
        rv::ret(),
    ]));
    assert_eq!(result(&file), 33);
}

#[test]
fn padding_is_no_obstacle() {
    let mut file = File::with_main(&rv::code(&[rv::addi(0, 0, 0), rv::addi(A0, ZERO, 1), rv::ret()]));
    let none = file.symbol("", (0, 0), ABSOLUTE, 0, 0);
    file.relocate(1, 0, ALIGN, none, 4);
    assert_eq!(result(&file), 1);
}

#[test]
fn a_weak_function_that_nobody_defines() {
    // Its address is zero, as number and from the table, and calling it traps.
    let mut file = File::with_main(&rv::code(&[
        rv::auipc(T0, 0),
        rv::ld(T0, T0, 0),
        rv::b(0, A0, ZERO, 12),
        rv::auipc(T1, 0),
        rv::jalr(ZERO, T1, 0),
        rv::addi(A0, T0, 3),
        rv::ret(),
    ]));
    let weak = file.symbol("maybe", (2, 0), 0, 0, 0);
    let label = file.label("", 1, 0);
    file.relocate(1, 0, GOT_HI20, weak, 0);
    file.relocate(1, 4, PCREL_LO12_I, label, 0);
    file.relocate(1, 12, CALL_PLT, weak, 0);
    let mut machine = machine(&file);
    assert_eq!(machine.result("main", &[0]), 3);
    assert_eq!(machine.call("main", &[1]).0, Exit::Panic);
}

#[test]
fn symbols_of_every_kind() {
    let load = |symbol: u32, file: &mut File, at: u64| {
        file.relocate(1, at, HI20, symbol, 0);
        file.relocate(1, at + 4, LO12_I, symbol, 0);
    };
    let mut file = File::with_main(&rv::code(&[
        rv::lui(A0, 0),
        rv::addi(A0, A0, 0),
        rv::lui(A1, 0),
        rv::ld(A1, A1, 0),
        rv::add(A0, A0, A1),
        rv::lui(A1, 0),
        rv::ld(A1, A1, 0),
        rv::add(A0, A0, A1),
        rv::ret(),
    ]));
    let number = file.symbol("number", (1, 0), ABSOLUTE, 0x1234_5678, 0);
    // A common symbol is a variable that is zero at first.
    let common = file.symbol("common", (1, 1), COMMON, 16, 8);
    // Defined here under the name by which the undefined one goes.
    let data = file.section(".data.rel.ro.x", ALLOC | WRITE, &5_u64.to_le_bytes());
    file.symbol("known", (1, 1), data, 0, 8);
    let known = file.undefined("known");
    load(number, &mut file, 0);
    load(common, &mut file, 8);
    load(known, &mut file, 20);
    let machine = machine(&file);
    let address = |name: &str| machine.linked.symbols.data.iter().find(|known| known.name == name).unwrap().start;
    assert_eq!(address("common") % 16, 0);
    assert!(address("known") < address("common"));
    assert_eq!(machine.linked.report.constant_pages + machine.linked.report.variable_pages, 2);
    assert_eq!(result(&file), 0x1234_5678 + 5);
}

#[test]
fn the_ends_of_a_section() {
    let mut file = File::with_main(&rv::code(&[
        rv::lui(A0, 0),
        rv::addi(A0, A0, 0),
        rv::lui(A1, 0),
        rv::addi(A1, A1, 0),
        rv::r(0x33, 0, 0x20, A0, A1, A0),
        rv::ret(),
    ]));
    file.section("my_records", ALLOC, &[1; 24]);
    let start = file.undefined("__start_my_records");
    let stop = file.undefined("__stop_my_records");
    for (offset, symbol) in [(0, start), (8, stop)] {
        file.relocate(1, offset, HI20, symbol, 0);
        file.relocate(1, offset + 4, LO12_I, symbol, 0);
    }
    assert_eq!(result(&file), 24);
}

/// A file with data whose first eight bytes `main` gives, and in which the address of `words` is known.
fn with_data(data: &[u8]) -> (File, u16, u32) {
    let (mut file, words) = with_words(&[rv::lui(A0, 0), rv::ld(A0, A0, 0), rv::ret()]);
    let data = file.section(".rodata", ALLOC, data);
    let symbol = file.symbol("data", (1, 1), data, 0, 8);
    file.relocate(1, 0, HI20, symbol, 0);
    file.relocate(1, 4, LO12_I, symbol, 0);
    (file, data, words)
}

fn address(machine: &Machine, name: &str) -> u64 {
    machine.linked.symbols.data.iter().find(|known| known.name == name).unwrap().start.into()
}

#[test]
fn pointers_in_data() {
    for (kind, mask) in [(ABSOLUTE_64, u64::MAX), (ABSOLUTE_32, 0xFFFF_FFFF)] {
        let (mut file, data, words) = with_data(&[0; 8]);
        file.relocate(data, 0, kind, words, 24);
        let place = address(&machine(&file), "words");
        assert_eq!(result(&file), (place + 24) & mask);
    }
}

#[test]
fn relative_pointers_in_data() {
    for kind in [57, 59] {
        let (mut file, data, words) = with_data(&[0; 8]);
        file.relocate(data, 0, kind, words, 4);
        let machine = machine(&file);
        let expected = (address(&machine, "words") + 4).wrapping_sub(address(&machine, "data"));
        assert_eq!(result(&file), expected & 0xFFFF_FFFF);
    }
}

proptest! {
    #[test]
    fn sums_in_data(start: u64, a in -300_i64..300, b in -300_i64..300) {
        // ADD and SUB of each width: what is there, plus one address, minus another. The bytes behind stay.
        for (width, add, subtract) in [(1, 33, 37), (2, 34, 38), (4, 35, 39), (8, 36, 40_u32)] {
            let (mut file, data, words) = with_data(&start.to_le_bytes());
            file.relocate(data, 0, add, words, a);
            file.relocate(data, 0, subtract, words, b);
            let mask = u64::MAX >> (64 - 8 * width);
            let sum = start.wrapping_add((a - b) as u64);
            prop_assert_eq!(machine(&file).result("main", &[]), sum & mask | start & !mask);
            // A linker has put the sum there already.
            let sum = (a - b) as u64;
            prop_assert_eq!(machine(&as_linked(&file)).result("main", &[]), sum & mask | start & !mask);
        }
    }

    #[test]
    fn low_bits_in_data(start: u64, a in -300_i64..300, b in -300_i64..300) {
        // SET6 and SUB6 leave two bits of the byte alone; SET8, SET16 and SET32 cut.
        for (bits, set) in [(6, 53), (8, 54), (16, 55), (32, 56_u32)] {
            let (mut file, data, words) = with_data(&start.to_le_bytes());
            file.relocate(data, 0, set, words, a);
            let place = address(&machine(&file), "words");
            let mask = u64::MAX >> (64 - bits);
            let mut value = place.wrapping_add(a as u64);
            if bits == 6 {
                file.relocate(data, 0, 52, words, b);
                value = value.wrapping_sub(place.wrapping_add(b as u64));
            }
            prop_assert_eq!(machine(&file).result("main", &[]), value & mask | start & !mask);
        }
    }
}

/// A jump through a table: `main` goes where entry `a0` of `table` says, in the way that `code` computes it.
fn jump_table(code: &[u32], entry: impl Fn(&mut File, u16, u64, u32, u32), width: usize) {
    let mut file = File::with_main(&rv::code(code));
    let table = file.section(".rodata.table", ALLOC, &vec![0; 3 * width]);
    let symbol = file.symbol("table", (0, 1), table, 0, 3 * width as u64);
    file.relocate(1, 4, HI20, symbol, 0);
    file.relocate(1, 8, LO12_I, symbol, 0);
    for (index, number) in [100, 200, 300].into_iter().enumerate() {
        let target = giving(&mut file, &format!("target{number}"), number);
        entry(&mut file, table, (index * width) as u64, target, symbol);
    }
    for file in [file.clone(), as_linked(&file)] {
        let mut machine = machine(&file);
        for (index, number) in [100, 200, 300].into_iter().enumerate() {
            assert_eq!(machine.result("main", &[index as u64]), number);
        }
    }
}

#[test]
fn jump_tables() {
    let shift = |by| rv::i(0x13, 1, A0, A0, by);
    let (base, low, sum) = (rv::lui(A1, 0), rv::addi(A1, A1, 0), rv::add(A0, A0, A1));
    let jump = rv::jalr(ZERO, A0, 0);
    let by_address =
        |kind| move |file: &mut File, table, offset, target, _| file.relocate(table, offset, kind, target, 0);
    jump_table(&[shift(3), base, low, sum, rv::ld(A0, A0, 0), jump], by_address(ABSOLUTE_64), 8);
    jump_table(&[shift(2), base, low, sum, rv::lw(A0, A0, 0), jump], by_address(ABSOLUTE_32), 4);
    // Distances from the table, to which the table's address is added again.
    let by_distance = |file: &mut File, table, offset, target, symbol| {
        file.relocate(table, offset, 35, target, 0);
        file.relocate(table, offset, 39, symbol, 0);
    };
    jump_table(&[shift(2), base, low, sum, rv::lw(A0, A0, 0), sum, jump], by_distance, 4);
}

#[test]
fn only_what_is_needed_is_linked() {
    let (mut file, words) = with_words(&[rv::ret()]);
    // Not one of these would pass: a wrong instruction, an undefined symbol, a relocation that is not supported.
    let dead = file.text(".text.dead", &[0xFF; 8]);
    let dead = file.function("dead", dead, 0, 8);
    let missing = file.undefined("missing");
    let data = file.section(".rodata.dead", ALLOC, &[0; 24]);
    file.relocate(data, 0, ABSOLUTE_64, missing, 0);
    file.relocate(data, 8, 6, words, 0);
    file.relocate(data, 16, ABSOLUTE_64, dead, 0);
    let linked = machine(&file).linked;
    assert_eq!((linked.symbols.functions.len(), linked.symbols.data.len()), (1, 0));
    assert!(linked.image.slots.is_empty());
}
