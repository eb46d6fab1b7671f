//! The decoder against an assembler: `fixtures/instructions.txt` holds encodings and the text that they were made from.

use javm_link::Word;

#[test]
fn decodes_what_the_assembler_encodes() {
    let mut lines = 0;
    let mut wrong = Vec::new();
    for line in include_str!("../fixtures/instructions.txt").lines() {
        let (encoding, text) = line.split_once(' ').unwrap();
        let word = Word { bits: u32::from_str_radix(encoding, 16).unwrap(), bytes: encoding.len() as u8 / 2 };
        let read = word.to_string();
        if read != format!("instruction 0x{encoding} ({text})") {
            wrong.push(format!("{text}: {read}"));
        }
        lines += 1;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(lines > 4000, "{lines}");
}
