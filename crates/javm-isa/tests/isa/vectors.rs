//! The blocks of the public test vectors.

use std::fs;
use std::path::Path;

use javm_isa::{Mode, Program, assemble, disassemble};

use crate::oracle::{Polkavm, can_be_asked, compare};

/// Name and program of each vector in `testdata/pvm`.
fn vectors() -> Vec<(String, Program)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/pvm");
    let mut vectors = Vec::new();
    for entry in fs::read_dir(&folder).expect("testdata/pvm") {
        let path = entry.expect("an entry").path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let json: serde_json::Value = serde_json::from_slice(&fs::read(&path).expect("a file")).expect("JSON");
        let blob: Vec<u8> = json["program"]
            .as_array()
            .expect("a program")
            .iter()
            .map(|byte| u8::try_from(byte.as_u64().expect("a number")).expect("a byte"))
            .collect();
        let name = json["name"].as_str().expect("a name").to_owned();
        let program = Program::parse(&blob).unwrap_or_else(|error| panic!("{name}: {error}"));
        vectors.push((name, program));
    }
    vectors.sort_by(|a, b| a.0.cmp(&b.0));
    assert_eq!(vectors.len(), 152);
    vectors
}

#[test]
fn blocks_cost_what_polkavm_says() {
    let polkavm = Polkavm::new();
    let mut loaded = 0;
    for (name, program) in vectors() {
        for mode in [Mode::Bare, Mode::Image] {
            let module = polkavm.load(&program, mode);
            loaded += u32::from(module.is_some());
            compare(&program, mode, module.as_ref()).unwrap_or_else(|difference| panic!("{name}: {difference}"));
        }
    }
    assert!(loaded > 0 || !can_be_asked(), "polkavm loaded none of the vectors");
}

#[test]
fn text_goes_round() {
    for (name, program) in vectors() {
        let text = disassemble(&program);
        let again = assemble(&text).unwrap_or_else(|error| panic!("{name}: {error}\n{text}"));
        assert_eq!(again.blob(), program.blob(), "{name}\n{text}");
        assert!(!text.contains(".raw") && !text.contains(".gap"), "{name} has odd encodings\n{text}");
    }
}
