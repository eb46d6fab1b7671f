//! `json` against the writer of the documents, which counts, and against the same crate on this machine.

use javm_guest::Typed;
use javm_testgen::Document;
use serde_json::Value;

use super::Program;

/// `Summary` of the program.
#[derive(Typed, PartialEq, Debug)]
struct Summary {
    nulls: u32,
    booleans: u32,
    numbers: u32,
    strings: u32,
    lists: u32,
    objects: u32,
    names: u32,
    string_bytes: u64,
    integer_sum: u64,
    depth: u32,
}

/// `Total` of the program.
#[derive(Typed, PartialEq, Debug)]
struct Total {
    group: String,
    rows: u32,
    sum: i64,
}

fn program() -> Program {
    Program::new("json")
}

#[test]
fn a_megabyte_is_read_as_it_was_written() {
    let document = Document::new(1_000_000, 1);
    let mut program = program();
    let summary: Summary = program.call("summary", &(document.text.as_slice(),)).value();
    let expected = Summary {
        nulls: document.nulls,
        booleans: document.booleans,
        numbers: document.numbers,
        strings: document.strings,
        lists: document.lists,
        objects: document.objects,
        names: document.names,
        string_bytes: document.string_bytes,
        integer_sum: document.integer_sum,
        depth: document.depth,
    };
    assert_eq!(summary, expected);
    let arguments = (document.text.as_slice(), "/orders", "/customer/city", "/total");
    let totals: Vec<Total> = program.call("totals", &arguments).value();
    let expected = document.cities.into_iter().map(|(group, (rows, sum))| Total { group, rows, sum });
    assert_eq!(totals, expected.collect::<Vec<_>>());
}

#[test]
fn what_is_written_is_what_this_machine_writes() {
    let mut program = program();
    for (bytes, seed) in [(1_000_000, 2), (50_000, 3), (0, 4)] {
        let text = Document::new(bytes, seed).text;
        let value: Value = serde_json::from_slice(&text).expect("it is JSON");
        let written: Vec<u8> = program.call("compact", &(text.as_slice(),)).value();
        assert!(written == value.to_string().into_bytes(), "seed {seed}");
        for pointer in ["", "/orders/0", "/orders/7/lines", "/orders/7/rate", "/next", "/orders/x", "no pointer"] {
            let found: Option<Vec<u8>> = program.call("select", &(text.as_slice(), pointer)).value();
            let expected = value.pointer(pointer).map(|value| value.to_string().into_bytes());
            assert!(found == expected, "seed {seed}, {pointer}");
        }
    }
}

#[test]
fn what_is_no_document_is_refused_with_its_place() {
    let mut program = program();
    for text in ["", "{\"a\": [1,\n2,, 3]}", "[1e999]", "\"\\ud800\"", "nul", &"[".repeat(100_000)] {
        let said = program.call("summary", &(text.as_bytes(),)).refusal();
        let expected = serde_json::from_str::<Value>(text).expect_err("it is none").to_string();
        assert!(said.ends_with(&format!("the document is no JSON: {expected}")), "{said} of {text}");
    }
    let mut cut = Document::new(100_000, 5).text;
    cut.truncate(99_000);
    let said = program.call("compact", &(cut.as_slice(),)).refusal();
    assert!(said.contains("the document is no JSON: EOF while parsing"), "{said}");
    let said = program.call("totals", &(b"[{\"a\": 1}]".as_slice(), "", "/a", "/a")).refusal();
    assert!(said.ends_with("row 0 has no string at '/a'"), "{said}");
}
