//! The spec pages say what the code does.

use std::fs;
use std::path::Path;

use javm_isa::asm::syntax;
use javm_isa::cost::{Cost, Extra, Unit};
use javm_isa::{CostModel, Mode, Opcode, Program, assemble, block_cost, disassemble};

fn page(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/spec").join(name)).expect("a spec page")
}

/// The cells of the rows of a page's tables.
fn rows(page: &str) -> impl Iterator<Item = Vec<&str>> {
    page.lines().filter_map(|line| line.strip_prefix('|')?.strip_suffix('|')).map(|row| {
        // A bar that belongs to a cell stands behind a backslash.
        let mut cells = vec![];
        let mut start = 0;
        for (at, _) in row.match_indices('|').filter(|&(at, _)| at == 0 || row.as_bytes()[at - 1] != b'\\') {
            cells.push(row[start..at].trim());
            start = at + 1;
        }
        cells.push(row[start..].trim());
        cells
    })
}

/// The text blocks of a page behind `heading`, up to the next heading of its kind.
fn text_blocks<'a>(page: &'a str, heading: &str) -> Vec<&'a str> {
    let (_, section) = page.split_once(&format!("\n## {heading}\n")).expect("the heading");
    let section = section.split("\n## ").next().expect("a section");
    let mut blocks = Vec::new();
    let mut rest = section;
    while let Some((_, behind)) = rest.split_once("```text\n") {
        let (block, after) = behind.split_once("```").expect("an end");
        blocks.push(block);
        rest = after;
    }
    blocks
}

fn hexadecimal(text: &str) -> Vec<u8> {
    text.split_whitespace().map(|byte| u8::from_str_radix(byte, 16).expect("a byte")).collect()
}

#[test]
fn the_instruction_tables_are_the_opcode_table() {
    let page = page("isa.md");
    let mut listed = Vec::new();
    for row in rows(&page).filter(|row| row.len() == 4) {
        let Ok(number) = row[0].parse::<u8>() else { continue };
        let opcode = Opcode::from_number(number).unwrap_or_else(|| panic!("there is no opcode {number}"));
        assert_eq!(row[1], format!("`{}`", syntax(opcode)));
        assert_eq!(row[2], if opcode.is_terminator() { "ends" } else { "" }, "{opcode:?}");
        assert!(!row[3].is_empty(), "{opcode:?} has no effect");
        listed.push(opcode);
    }
    listed.sort_unstable();
    assert_eq!(listed, Opcode::ALL);
}

#[test]
fn the_examples_are_what_they_say() {
    let page = page("isa.md");
    let blocks = text_blocks(&page, "Examples");
    let [instructions, program_text, program_bytes] = blocks[..] else { panic!("three blocks of examples") };
    let mut forms = std::collections::BTreeSet::new();
    for line in instructions.lines() {
        let (bytes, text) = line.split_at(32);
        let bytes = hexadecimal(bytes);
        // At offset 16, behind a gap, and with something behind it, so that `ℓ` is what it is.
        let around = ".gap 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00\n".to_owned() + text + "\ntrap";
        let program = assemble(&around).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(program.code()[16..program.code().len() - 1], bytes, "{text}");
        let instruction = program.decode(16, Mode::Bare);
        assert_eq!(instruction.to_string(), text);
        forms.insert(format!("{:?}", instruction.opcode.row().form));
    }
    assert_eq!(forms.len(), 13, "an example of each form: {forms:?}");
    let program = assemble(program_text).expect("the example program");
    assert_eq!(program.blob(), hexadecimal(program_bytes));
}

#[test]
fn errors_read_as_the_page_says() {
    let page = page("isa.md");
    let blocks = text_blocks(&page, "Assembly text");
    let expected: Vec<&str> = blocks.last().expect("the errors").lines().collect();
    let texts = [
        "\n    load_imm    a0, 0x100000000",
        "\n\n    jump @lopp",
        "\n\n\n    add64 a0, a1, a2",
        "\n\n\n\n    add_64 a0, a1",
    ];
    for (text, expected) in texts.iter().zip(&expected) {
        assert_eq!(&assemble(text).expect_err("an error").to_string(), expected);
    }
    assert_eq!(texts.len(), expected.len());
}

#[test]
fn a_listing_reads_as_it_was_written() {
    let text = ".jump_table @return\n    load_imm_jump ra, &return, @double\n@return:\n    trap\n@double:\n    jump_ind ra, 0\n";
    let names = [(5, "double".to_owned()), (4, "return".to_owned())].into();
    let program = assemble(text).expect("a program");
    let listing = javm_isa::Listing::with_names(&program, &names).to_string();
    assert_eq!(
        listing,
        ".jump_table @return
    load_imm_jump        ra, 2, @double
@return:
    trap
@double:
    jump_ind             ra, 0
"
    );
    assert_ne!(disassemble(&program), listing);
}

#[test]
fn the_cost_table_is_the_opcode_table() {
    let page = page("cost.md");
    let mut listed = Vec::new();
    for row in rows(&page).filter(|row| row.len() == 5 && row[0].starts_with('`')) {
        for mnemonic in row[0].split(", ") {
            let opcode = Opcode::from_mnemonic(mnemonic.trim_matches('`'));
            let opcode = opcode.unwrap_or_else(|| panic!("there is no instruction {mnemonic}"));
            assert_eq!(row[1..], cells_of(opcode.row().cost), "{mnemonic}");
            listed.push(opcode);
        }
    }
    listed.sort_unstable();
    assert_eq!(listed, Opcode::ALL);
}

/// Latency, slots, when one slot more, units, as the page writes them.
fn cells_of(cost: Cost) -> [String; 4] {
    let extra = match cost.extra {
        Extra::Never => "",
        Extra::DestinationIsNoSource => "destination is no source",
        Extra::DestinationIsNotFirstSource => "destination is not A",
    };
    let unit = match cost.unit {
        Unit::Nothing => "",
        Unit::Alu => "ALU",
        Unit::TwoAlus => "2 ALUs",
        Unit::Mul => "ALU, multiplier",
        Unit::Div => "ALU, divider",
        Unit::Load => "ALU, load port",
        Unit::Store => "ALU, store port",
    };
    [cost.latency.to_string(), cost.slots.to_string(), extra.to_owned(), unit.to_owned()]
}

#[test]
fn the_worked_examples_cost_what_they_say() {
    let page = page("cost.md");
    let blocks = text_blocks(&page, "Worked examples");
    let mut checked = 0;
    for block in blocks {
        // The first line of a block gives both costs.
        let Some(header) = block.lines().next().and_then(|line| line.strip_prefix("; flat ")) else { continue };
        let (flat, pipeline) = header.split_once(", pipeline ").expect("both costs");
        let program = assemble(block).unwrap_or_else(|error| panic!("{error}\n{block}"));
        let cost = |model| block_cost(&program, Mode::Bare, model, 0).to_string();
        assert_eq!((cost(CostModel::Flat).as_str(), cost(CostModel::Pipeline).as_str()), (flat, pipeline), "{block}");
        crate::oracle::compare(&program, Mode::Bare, None).expect("as polkavm has it");
        checked += 1;
    }
    assert!(checked >= 5, "only {checked} examples");
}

#[test]
fn the_bitmask_of_the_example_is_the_one_of_the_code() {
    let program = Program::parse(&hexadecimal("01 01 0b 04 50 10 02 06 01 00 c8 77 07 32 00 71 02")).expect("a blob");
    let starts: Vec<u32> = (0..program.code_length()).filter(|&pc| program.is_instruction_start(pc)).collect();
    assert_eq!(starts, [0, 4, 5, 6, 9]);
}
