//! Assembly text. Whatever the text is:
//! - it assembles, and then the text of the program assembles to the same program;
//! - or it is refused with a line that the text has and a column in it or right behind it.

use javm_isa::{Listing, Mode, Opcode, Program, Reg, assemble, disassemble};
use rand::RngExt;

use crate::{Random, Reached, Target, program, text};

/// This target.
pub const TARGET: Target = Target { name: "assembly", run, generate, mutate, repair: |_| {}, least_accepted: 15 };

fn run(bytes: &[u8]) -> Reached {
    let Ok(text) = str::from_utf8(bytes) else { return Reached::Refused };
    let program = match assemble(text) {
        Ok(program) => program,
        Err(error) => {
            let line = usize::try_from(error.line).ok().and_then(|line| text.split('\n').nth(line.checked_sub(1)?));
            match line {
                Some(line) => {
                    let column = error.column as usize;
                    assert!((1..=line.chars().count() + 1).contains(&column), "{error}: no such column in {line:?}");
                }
                None => assert!(error.line == 1 && text.is_empty(), "{error}: no such line in {text:?}"),
            }
            assert!(!error.to_string().is_empty());
            return Reached::Refused;
        }
    };
    let again = assemble(&disassemble(&program));
    assert!(again.as_ref() == Ok(&program), "the program's own text gives {again:?}\n{text}");
    match Listing::read(text) {
        Ok(listing) => {
            let written = listing.to_string();
            let again = Listing::read(&written);
            assert!(again.as_ref() == Ok(&listing), "the listing reads back as {again:?}\n{written}");
            assert!(assemble(&written).as_ref() == Ok(&program), "the listing is another program\n{written}");
        }
        Err(error) => panic!("it assembles but is no listing: {error}"),
    }
    Reached::Accepted
}

fn generate(random: &mut Random) -> Vec<u8> {
    let mode = if random.random() { Mode::Bare } else { Mode::Image };
    let blob = program::generate(random, mode);
    Program::parse(&blob).map(|program| disassemble(&program)).unwrap_or_default().into_bytes()
}

fn mutate(random: &mut Random, bytes: &mut Vec<u8>, other: &[u8]) {
    let mut words: Vec<&str> = Opcode::ALL.iter().map(|opcode| opcode.row().mnemonic).collect();
    let registers: Vec<String> = Reg::all().map(|register| register.to_string()).collect();
    // As often as mnemonics.
    for _ in 0..6 {
        words.extend(registers.iter().map(String::as_str));
        words.extend([".jump_table", ".jump_table_width", ".raw", ".gap", "@", "@a", "@\"b c\"", "&a", ":", ":4", ","]);
        words.extend(["[", "]", "+", "-", ";", "\n", " ", "\"", "0x", "é", "@\"é世é\":", "00", "ff", "@a:"]);
    }
    text::mutate(random, bytes, other, &words);
}
