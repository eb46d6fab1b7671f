//! Programs that compilers made (`fixtures/programs.c`), in every form that a linker may be given, against what the same
//! source computes natively.

use javm_interpreter::Exit;
use javm_link::{Options, link, symbols::Memory};

use super::machine::Machine;

const FORMS: [(&str, &[u8]); 7] = [
    ("pic", include_bytes!("../fixtures/programs.pic.o")),
    ("medlow", include_bytes!("../fixtures/programs.medlow.o")),
    ("medany-size", include_bytes!("../fixtures/programs.medany-size.o")),
    ("plain-unoptimized", include_bytes!("../fixtures/programs.plain-unoptimized.o")),
    ("combined", include_bytes!("../fixtures/programs.combined.o")),
    ("pie", include_bytes!("../fixtures/programs.pie.elf")),
    ("static-relaxed", include_bytes!("../fixtures/programs.static-relaxed.elf")),
];

fn machine(bytes: &[u8]) -> Machine {
    let options = Options { input_name: "folder/programs.o".into(), ..Options::default() };
    match link(bytes, &options) {
        Ok(linked) => Machine::new(linked),
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn compute_what_they_compute_natively() {
    for (form, bytes) in FORMS {
        let mut machine = machine(bytes);
        let mut lines = 0;
        // In order: some endpoints change variables, which persist.
        for line in include_str!("../fixtures/programs.txt").lines() {
            let (call, expected) = line.split_once(" = ").unwrap();
            let mut words = call.split(' ');
            let endpoint = words.next().unwrap();
            if !machine.linked.image.endpoints.iter().any(|known| known.name.as_str() == endpoint) {
                assert_eq!(endpoint, "relative_goto");
                continue;
            }
            let number = |word: &str| u64::from_str_radix(word, 16).unwrap();
            let arguments: Vec<u64> = words.map(number).collect();
            let (exit, result) = machine.call(endpoint, &arguments);
            assert_eq!((exit, result), (Exit::Halt, number(expected)), "{form}: {line}, but {result:x}");
            lines += 1;
        }
        assert!(lines > 400);
    }
}

#[test]
fn regions_are_where_the_symbols_say() {
    for (form, bytes) in &FORMS[..5] {
        let mut machine = machine(bytes);
        let results: Vec<u64> = (0..5).map(|which| machine.result("regions", &[which])).collect();
        assert_eq!(results, [8192, 4096, 65536 - 16, 1, 77], "{form}");
        assert_eq!(machine.result("ephemeral", &[5]), 5);
    }
}

#[test]
fn names_are_those_of_the_source() {
    for (form, bytes) in FORMS {
        let machine = machine(bytes);
        let symbols = &machine.linked.symbols;
        assert_eq!(symbols.input, "programs.o");
        for endpoint in &machine.linked.image.endpoints {
            let function = symbols.function_at(endpoint.entry).unwrap();
            // A function that only goes on with the next one has no instructions of its own.
            if endpoint.name.as_str() == "tail_calls" && function.name == "ping" {
                continue;
            }
            assert_eq!((function.name.as_str(), function.start), (&*endpoint.name, endpoint.entry), "{form}");
        }
        for name in ["ping", "ackermann", "square_area", "variable", "cleared"] {
            let known = symbols.functions.iter().chain(&symbols.data).filter(|named| named.name == name).count();
            assert_eq!(known, 1, "{form}: {name}");
        }
        // Nothing that no endpoint needs.
        assert!(!symbols.functions.iter().any(|function| function.name == "first"), "{form}");
        let map = javm_link::SymbolMap::from_json(&symbols.to_json().unwrap(), machine.linked.image.hash()).unwrap();
        assert_eq!(map, *symbols);
    }
}

#[test]
fn a_stack_that_overflows_is_recognised() {
    for (form, bytes) in FORMS {
        let mut machine = machine(bytes);
        let mut state = machine.entry("ackermann", &[3, 100_000]);
        let Exit::Fault(address) = machine.run(&mut state) else { panic!("{form}") };
        let symbols = &machine.linked.symbols;
        assert!(symbols.is_stack_overflow(address), "{form}: {address:x}");
        assert_eq!(symbols.function_at(state.pc).unwrap().name, "ackermann");
        assert_eq!(symbols.memory_at(symbols.stack.start), Memory::Stack);
    }
}

#[test]
fn linking_is_deterministic() {
    for (_, bytes) in FORMS {
        let first = link(bytes, &Options::default()).unwrap();
        for _ in 0..3 {
            let again = link(bytes, &Options::default()).unwrap();
            assert_eq!(first, again);
            assert_eq!(first.image.encode(), again.image.encode());
        }
    }
}
