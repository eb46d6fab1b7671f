//! The public test vectors, all of them.

use std::fs;
use std::path::Path;

use javm_interpreter::bare::{Access, BareMemory};
use javm_interpreter::{Code, Exit, State, run};
use javm_isa::{CostModel, Mode, Program};
use serde_json::Value;

const VECTORS: usize = 152;

#[test]
fn all_vectors_pass() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/pvm");
    let mut files: Vec<_> = fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect();
    files.sort();
    let failures: Vec<String> = files
        .iter()
        .filter_map(|path| {
            let vector = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
            let differences = differences(&vector);
            (!differences.is_empty()).then(|| format!("{}: {}", path.display(), differences.join("; ")))
        })
        .collect();
    assert!(failures.is_empty(), "{} of {} fail:\n{}", failures.len(), files.len(), failures.join("\n"));
    assert_eq!(files.len(), VECTORS);
}

/// Where the outcome differs from what the vector says.
fn differences(vector: &Value) -> Vec<String> {
    let number = |key: &str| vector[key].as_u64().unwrap_or_else(|| panic!("{key} is no number"));
    let program = Program::parse(&bytes(&vector["program"])).unwrap();
    let code = Code::new(&program, Mode::Bare, CostModel::Flat);
    let mut memory = BareMemory::new();
    for page in list(&vector["initial-page-map"]) {
        let access = if page["is-writable"].as_bool().unwrap() { Access::ReadWrite } else { Access::ReadOnly };
        memory.map(address(page), page["length"].as_u64().unwrap() as u32, access).unwrap();
    }
    for chunk in list(&vector["initial-memory"]) {
        memory.write(address(chunk), &bytes(&chunk["contents"])).unwrap();
    }
    let mut state = State::new(number("initial-pc") as u32, number("initial-gas"));
    for (register, value) in state.registers.iter_mut().zip(list(&vector["initial-regs"])) {
        *register = value.as_u64().unwrap();
    }

    let exit = run(&code, &mut state, &mut memory);

    let mut differences = Vec::new();
    let mut expect = |what: &str, got: String, expected: String| {
        if got != expected {
            differences.push(format!("{what} is {got}, expected {expected}"));
        }
    };
    let status = match vector["expected-status"].as_str().unwrap() {
        "halt" => Exit::Halt,
        "panic" => Exit::Panic,
        "page-fault" => Exit::Fault(number("expected-page-fault-address") as u32),
        "out-of-gas" => Exit::OutOfGas,
        other => panic!("unknown status {other}"),
    };
    expect("exit", format!("{exit:?}"), format!("{status:?}"));
    expect("pc", state.pc.to_string(), number("expected-pc").to_string());
    expect("gas", state.gas.to_string(), number("expected-gas").to_string());
    let registers: Vec<u64> = list(&vector["expected-regs"]).iter().map(|value| value.as_u64().unwrap()).collect();
    expect("registers", format!("{:?}", state.registers), format!("{registers:?}"));

    // Memory: what the vector lists, and zero everywhere else.
    for chunk in list(&vector["expected-memory"]) {
        let contents = bytes(&chunk["contents"]);
        let mut got = vec![0; contents.len()];
        memory.read(address(chunk), &mut got).unwrap();
        expect("memory", format!("{got:?}"), format!("{contents:?}"));
        memory.write(address(chunk), &vec![0; contents.len()]).unwrap();
    }
    let leftover =
        memory.pages().filter(|(_, _, page)| page.iter().any(|&byte| byte != 0)).map(|(address, _, _)| address);
    expect("pages with unexpected bytes", format!("{:?}", leftover.collect::<Vec<_>>()), "[]".to_string());
    differences
}

fn list(value: &Value) -> &[Value] {
    value.as_array().expect("a list")
}

fn address(value: &Value) -> u32 {
    value["address"].as_u64().expect("an address") as u32
}

fn bytes(value: &Value) -> Vec<u8> {
    list(value).iter().map(|byte| byte.as_u64().expect("a byte") as u8).collect()
}
