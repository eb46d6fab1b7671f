//! What stands where in memory, and what the records of a program do.

use javm_cap::{Access, Backing, Import, Mapping, Wanted};
use javm_interpreter::Exit;
use javm_isa::{CostModel, Reg};
use javm_link::{DEFAULT_STACK, Options, link};

use super::elf::{ALLOC, File, WRITE};
use super::machine::{Machine, machine};
use super::rv::{self, A0, A1, ZERO};

/// `main` gives the sum of the words at all of `symbols`.
fn summing(symbols: &mut dyn FnMut(&mut File) -> Vec<u32>) -> File {
    let count = symbols(&mut File::default()).len();
    let mut code = vec![rv::addi(A0, ZERO, 0)];
    for _ in 0..count {
        code.extend([rv::lui(A1, 0), rv::ld(A1, A1, 0), rv::add(A0, A0, A1)]);
    }
    code.push(rv::ret());
    let mut file = File::with_main(&rv::code(&code));
    for (symbol, offset) in symbols(&mut file).into_iter().zip((4..).step_by(12)) {
        file.relocate(1, offset, 26, symbol, 0);
        file.relocate(1, offset + 4, 27, symbol, 0);
    }
    file
}

fn word(file: &mut File, section: &str, flags: u64, value: u64) -> u32 {
    let number = file.section(section, flags, &value.to_le_bytes());
    file.symbol(&section[1..], (1, 1), number, 0, 8)
}

fn zeros(file: &mut File, section: &str, size: u64) -> u32 {
    let number = file.zeros(section, size);
    file.symbol(&section[1..], (1, 1), number, 0, size)
}

fn all_kinds() -> File {
    summing(&mut |file| {
        vec![
            zeros(file, ".bss.z", 5000),
            word(file, ".data.x", ALLOC | WRITE, 1),
            word(file, ".rodata.x", ALLOC, 10),
            word(file, ".srodata.cst8", ALLOC, 100),
            word(file, ".data.rel.ro.x", ALLOC | WRITE, 1000),
            word(file, ".sdata.x", ALLOC | WRITE, 10_000),
            zeros(file, ".ephemeral.e", 16),
            word(file, ".ephemeral", ALLOC | WRITE, 0),
            zeros(file, ".sbss.s", 8),
        ]
    })
}

#[test]
fn sections_go_where_their_kind_belongs() {
    let options = Options { heap: Some(5000), scratchpad: Some(1), stack: Some(4097), ..Options::default() };
    let linked = link(&all_kinds().build(), &options).unwrap();
    let persistent = |slot| Backing::Persistent { slot, offset_pages: 0 };
    let map: Vec<(u32, Mapping)> = linked.image.memory.iter().map(|(&page, &mapping)| (page, mapping)).collect();
    let mapping = |pages, access, backing| Mapping { pages, access, backing };
    let expected = [
        (0x10, mapping(1, Access::ReadOnly, persistent(2))),
        (0x30, mapping(2, Access::ReadWrite, persistent(3))),
        (0x33, mapping(1, Access::ReadWrite, persistent(0))),
        (0x35, mapping(1, Access::ReadWrite, Backing::Ephemeral)),
        (0x37, mapping(2, Access::ReadWrite, Backing::Ephemeral)),
        (0x7_FFFD, mapping(2, Access::ReadWrite, Backing::Ephemeral)),
    ];
    assert_eq!(map, expected);
    // Contents first, zeros behind them and not stored.
    assert_eq!(linked.image.slots[&3].pages(), 2);
    assert_eq!(linked.image.slots[&3].stored_pages().count(), 1);
    let address = |name: &str| linked.symbols.data.iter().find(|known| known.name == name).unwrap().start;
    assert_eq!((address("data.x"), address("sdata.x"), address("bss.z")), (0x3_0000, 0x3_0008, 0x3_0010));
    assert_eq!((address("ephemeral"), address("ephemeral.e")), (0x3_5000, 0x3_5008));
    assert_eq!(linked.symbols.stack.start, 0x7FFF_D000);
    assert_eq!(linked.image.endpoints[0].registers[Reg::SP.index()], 0x7FFF_EFF0);
    assert_eq!(Machine::new(linked).result("main", &[]), 11_111);
}

#[test]
fn constants_cannot_be_written_and_guards_are_not_there() {
    // A store of a0 to the address in a1.
    let mut file = File::with_main(&rv::code(&[rv::lui(A0, 0), rv::sd(A0, A1, 0), rv::ret()]));
    let constant = word(&mut file, ".rodata", ALLOC, 1);
    file.relocate(1, 0, 26, constant, 0);
    let mut machine = machine(&file);
    let stack = machine.linked.symbols.stack;
    assert_eq!(stack.bytes(), u64::from(DEFAULT_STACK));
    for (address, exit) in [
        (0x1_0000, Exit::Fault(0x1_0000)),
        (0x1_1000, Exit::Fault(0x1_1000)),
        (u64::from(stack.start) - 8, Exit::Fault(stack.start - 4096)),
        (u64::from(stack.start), Exit::Halt),
        (u64::from(stack.end) - 8, Exit::Halt),
        (u64::from(stack.end) - 4, Exit::Fault(stack.end)),
        (0, Exit::Panic),
    ] {
        assert_eq!(machine.call("main", &[0, address]).0, exit, "{address:x}");
    }
}

#[test]
fn sizes_come_from_the_program_unless_somebody_says_otherwise() {
    let mut file = File::with_main(&rv::code(&[rv::ret()]));
    let sizes: Vec<u8> = [1_u32, 8192, 4096, 12288].iter().flat_map(|size| size.to_le_bytes()).collect();
    file.section(".nub.memory", ALLOC, &sizes);
    let bytes = file.build();
    let sizes = |options: &Options| {
        let map = link(&bytes, options).unwrap().symbols;
        [map.stack.bytes(), map.heap.bytes(), map.scratchpad.bytes()]
    };
    assert_eq!(sizes(&Options::default()), [8192, 4096, 12288]);
    let options = Options { stack: Some(0), heap: Some(0), scratchpad: Some(0), ..Options::default() };
    assert_eq!(sizes(&options), [4096, 0, 0]);
}

#[test]
fn the_linker_defines_the_edges_of_its_regions() {
    let names = ["heap_start", "heap_end", "stack_bottom", "stack_top", "scratch_start", "scratch_end"];
    for (name, expected) in names.into_iter().zip([0x2_2000, 0x2_4000, 0x7FFE_F000, 0x7FFF_EFF0, 0x2_0000, 0x2_1000]) {
        let mut file = File::with_main(&rv::code(&[rv::lui(A0, 0), rv::addi(A0, A0, 0), rv::ret()]));
        let symbol = file.undefined(&format!("__nub_{name}"));
        file.relocate(1, 0, 26, symbol, 8);
        file.relocate(1, 4, 27, symbol, 8);
        let options = Options { heap: Some(8192), scratchpad: Some(4096), ..Options::default() };
        let mut machine = Machine::new(link(&file.build(), &options).unwrap());
        assert_eq!(machine.result("main", &[]), expected + 8, "{name}");
    }
}

#[test]
fn endpoints_and_imports_are_those_of_the_records() {
    let mut file = File::with_main(&rv::code(&[rv::ret(), rv::addi(A0, A0, 1), rv::ret()]));
    let second = file.function("second_function", 1, 4, 8);
    file.endpoint("second.one-x_1", second, 1);
    file.section(".nub.imports", 0, &[1, 7, 1, 1, 2, 0, 0, 0]);
    // The same wish twice is one.
    file.section(".nub.imports", 0, &[1, 200, 1, 0, 0xFF, 0, 0, 1, 1, 7, 1, 1, 2, 0, 0, 0]);
    let options = Options { cost_model: CostModel::Flat, ..Options::default() };
    let linked = link(&file.build(), &options).unwrap();
    assert_eq!(linked.image.cost_model, CostModel::Flat);
    let endpoints: Vec<(&str, u8)> = linked.image.endpoints.iter().map(|known| (&*known.name, known.arity)).collect();
    assert_eq!(endpoints, [("main", 4), ("second.one-x_1", 1)]);
    let imports: Vec<(u8, Import)> = linked.image.imports.iter().map(|(&slot, &import)| (slot, import)).collect();
    let service = |required, id| Import { required, wanted: Wanted::Service(id) };
    assert_eq!(imports, [(7, service(true, 2)), (200, service(false, 0x0100_00FF))]);
    assert_eq!(Machine::new(linked).result("second.one-x_1", &[5]), 6);
}

/// Encoded or as text it is the same interface; endpoints take its order, and what is not in it comes behind.
#[test]
fn interfaces_are_those_of_the_records() {
    let text = "interface pair { second(); main(a: u64, b: u64, c: u64, d: u64) -> u64; }";
    let definition: javm_types::TypeDef = text.parse().unwrap();
    let wanted: javm_types::TypeDef = "interface other { f(name: string); }".parse().unwrap();
    let hash = |definition: &javm_types::TypeDef| javm_cap::TypeDef::new(definition.clone()).hash();
    for encoding in [definition.encode(), [text.as_bytes(), &[0]].concat()] {
        let mut file = File::with_main(&rv::code(&[rv::ret(), rv::addi(A0, A0, 1), rv::ret(), rv::ret()]));
        for (name, offset) in [("third", 4), ("second", 12)] {
            let function = file.function(name, 1, offset, 4);
            file.endpoint(name, function, 0);
        }
        // The same one twice is one.
        let implemented = [&[1, 1, 0, 0], &encoding[..], &[0, 0]].concat();
        file.section(".nub.typedefs", 0, &[&implemented[..], &implemented].concat());
        file.section(".nub.typedefs.more", 0, &[&[1, 2, 20, 1], &wanted.encode()[..]].concat());
        let image = link(&file.build(), &Options::default()).unwrap().image;
        let names: Vec<&str> = image.endpoints.iter().map(|endpoint| &*endpoint.name).collect();
        assert_eq!(names, ["second", "main", "third"]);
        let signed: Vec<bool> = image.endpoints.iter().map(|endpoint| endpoint.signature.is_some()).collect();
        assert_eq!(signed, [true, true, false]);
        assert_eq!(image.typedefs.iter().copied().collect::<Vec<_>>(), [hash(&definition)]);
        assert_eq!(
            image.imports.into_iter().collect::<Vec<_>>(),
            [(20, Import { required: true, wanted: Wanted::TypeDef(hash(&wanted)) })]
        );
    }
}

#[test]
fn kernel_calls_pass_through() {
    let file =
        File::with_main(&rv::code(&[rv::ecalli(0), rv::ecalli(4095), rv::ECALL, rv::addi(A0, ZERO, 1), rv::ret()]));
    let mut machine = machine(&file);
    let mut state = machine.entry("main", &[]);
    for expected in [Exit::Host(0), Exit::Host(4095), Exit::Operation] {
        assert_eq!(machine.run(&mut state), expected);
        machine.code.step_over(&mut state);
    }
    assert_eq!(machine.run(&mut state), Exit::Halt);
}

#[test]
fn what_the_kernel_reads_is_there() {
    // Every argument register is set before the call and changed behind it.
    for call in [rv::ECALL, rv::ecalli(9)] {
        let arguments = |value: i32| (10..16).map(move |register| rv::addi(register, ZERO, value + register as i32));
        let words: Vec<u32> = arguments(100).chain([call]).chain(arguments(0)).chain([rv::ret()]).collect();
        let mut machine = machine(&File::with_main(&rv::code(&words)));
        let mut state = machine.entry("main", &[]);
        assert!(matches!(machine.run(&mut state), Exit::Operation | Exit::Host(9)));
        assert_eq!(state.registers[Reg::A0.index()..], [110, 111, 112, 113, 114, 115]);
        machine.code.step_over(&mut state);
        assert_eq!(machine.run(&mut state), Exit::Halt);
        assert_eq!(state.registers[Reg::A0.index()..], [10, 11, 12, 13, 14, 15]);
    }
}

/// Flag of sections whose elements may be merged.
const MERGE: u64 = 0x10;

#[test]
fn constants_of_the_compiler_become_immediates() {
    // Every width, with and without sign, at every distance that is aligned to it.
    let bytes = 0xF0E1_D2C3_B4A5_9687_u64.to_le_bytes();
    for function in 0..7 {
        let width = 1 << (function & 3);
        for offset in (0..8).step_by(width) {
            let mut file = File::with_main(&rv::code(&[rv::lui(A1, 0), rv::i(0x03, function, A0, A1, 0), rv::ret()]));
            let pool = file.section(".rodata.cst8", ALLOC | MERGE, &bytes);
            let symbol = file.symbol(".LCPI0_0", (0, 0), pool, 0, 0);
            file.relocate(1, 0, 26, symbol, offset as i64);
            file.relocate(1, 4, 27, symbol, offset as i64);
            let mut raw = [0; 8];
            raw[..width].copy_from_slice(&bytes[offset..offset + width]);
            let (raw, unused) = (u64::from_le_bytes(raw), 64 - 8 * width);
            let expected = if function < 4 { ((raw << unused) as i64 >> unused) as u64 } else { raw };
            let mut machine = machine(&file);
            assert_eq!(machine.result("main", &[]), expected);
            assert!(!machine.text().contains("load_u") && !machine.text().contains("load_i8"), "{}", machine.text());
        }
    }
}

#[test]
fn variables_are_not_taken_for_constants() {
    for flags in [ALLOC | WRITE | MERGE, ALLOC | WRITE] {
        let mut file = File::with_main(&rv::code(&[rv::lui(A1, 0), rv::sd(A0, A1, 0), rv::ld(A0, A1, 0), rv::ret()]));
        let symbol = word(&mut file, ".data.cst8", flags, 5);
        file.relocate(1, 0, 26, symbol, 0);
        file.relocate(1, 4, 28, symbol, 0);
        file.relocate(1, 8, 27, symbol, 0);
        assert_eq!(machine(&file).result("main", &[77]), 77);
    }
}

#[test]
fn what_the_kernel_changes_is_not_taken_for_known() {
    // a0 is 5 before the call; what comes out is what the kernel wrote.
    let file = File::with_main(&rv::code(&[rv::addi(A0, ZERO, 5), rv::ECALL, rv::addi(A0, A0, 1), rv::ret()]));
    let mut machine = machine(&file);
    let mut state = machine.entry("main", &[]);
    assert_eq!(machine.run(&mut state), Exit::Operation);
    assert_eq!(state.registers[Reg::A0.index()], 5);
    state.registers[Reg::A0.index()] = 70;
    machine.code.step_over(&mut state);
    assert_eq!(machine.run(&mut state), Exit::Halt);
    assert_eq!(state.registers[Reg::A0.index()], 71);
}

#[test]
fn a_probing_load_faults_where_it_should_and_changes_nothing() {
    // ld zero, 0(a0) with every register in use behind it.
    let file = File::with_main(&rv::code(&[rv::ld(ZERO, A0, 0), rv::ret()]));
    let mut machine = machine(&file);
    let stack = machine.linked.symbols.stack;
    for (address, exit) in
        [(u64::from(stack.start), Exit::Halt), (0x5000_0008, Exit::Fault(0x5000_0000)), (8, Exit::Panic)]
    {
        let mut state = machine.entry("main", &[]);
        for (register, value) in state.registers.iter_mut().enumerate().skip(2) {
            *value = 0x1111 * register as u64;
        }
        state.registers[Reg::A0.index()] = address;
        let before = state.registers;
        assert_eq!(machine.run(&mut state), exit);
        assert_eq!(state.registers, before);
    }
}

#[test]
fn traps() {
    for code in [rv::code(&[rv::UNIMP]), rv::code(&[0x0010_0073]), vec![0, 0], vec![0x02, 0x90], Vec::new()] {
        let file = File::with_main(&code);
        assert_eq!(machine(&file).call("main", &[]).0, Exit::Panic, "{code:x?}");
    }
}

/// The gas of the block at the start of `main`.
fn cost_of_main(file: &File) -> u64 {
    let machine = machine(file);
    let entry = machine.linked.image.endpoints[0].entry;
    machine.code.block_cost(entry).unwrap()
}

#[test]
fn branches_to_where_everything_ends_in_a_trap_are_cheap() {
    // A check: a branch over a call of a function that calls another which traps.
    let file = |last: u32| {
        let mut file =
            File::with_main(&rv::code(&[rv::b(6, A0, A1, 12), rv::auipc(1, 0), rv::jalr(1, 1, 0), rv::ret()]));
        let inner = file.text(".text.inner", &rv::code(&[rv::addi(A0, A0, 1), last]));
        let inner = file.function("inner", inner, 0, 8);
        let outer = file
            .text(".text.outer", &rv::code(&[rv::b(0, A0, A1, 12), rv::auipc(1, 0), rv::jalr(0, 1, 0), rv::j(0, -8)]));
        let outer = file.function("outer", outer, 0, 16);
        file.relocate(1, 4, 18, outer, 0);
        file.relocate(file.sections.len() as u16, 4, 18, inner, 0);
        file
    };
    let (trapping, returning) = (file(rv::UNIMP), file(rv::ret()));
    assert!(cost_of_main(&trapping) + 15 < cost_of_main(&returning));
    assert!(machine(&trapping).text().contains("unlikely"));
    assert!(!machine(&returning).text().contains("unlikely"));
    // A loop that never ends is no trap.
    assert!(!machine(&file(rv::j(ZERO, 0))).text().contains("unlikely"));
    assert_eq!(machine(&trapping).call("main", &[1, 2]).0, Exit::Halt);
    assert_eq!(machine(&trapping).call("main", &[2, 1]).0, Exit::Panic);
}

#[test]
fn a_call_that_returns_to_a_trap_is_the_way_to_a_trap() {
    // As a compiler calls a function that never returns, and this one calls another that does before it traps.
    let file = |last: u32| {
        let mut file =
            File::with_main(&rv::code(&[rv::b(6, A0, A1, 12), rv::auipc(1, 0), rv::jalr(1, 1, 0), rv::ret()]));
        let tell = file.text(".text.tell", &rv::code(&[rv::addi(A0, A0, 1), rv::ret()]));
        let tell = file.function("tell", tell, 0, 8);
        let panic = file.text(".text.panic", &rv::code(&[rv::auipc(1, 0), rv::jalr(1, 1, 0), last]));
        let panic = file.function("panic", panic, 0, 12);
        file.relocate(1, 4, 18, panic, 0);
        file.relocate(file.sections.len() as u16, 0, 18, tell, 0);
        file
    };
    let (trapping, returning) = (file(rv::UNIMP), file(rv::j(ZERO, -8)));
    assert!(cost_of_main(&trapping) + 15 < cost_of_main(&returning));
    assert!(!machine(&returning).text().contains("unlikely"));
    assert_eq!(machine(&trapping).call("main", &[1, 2]).0, Exit::Halt);
    assert_eq!(machine(&trapping).call("main", &[2, 1]).0, Exit::Panic);
}
