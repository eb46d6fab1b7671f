//! Blobs of any bytes: a program or an error with its place, never anything else.

use javm_isa::program::{BlobErrorReason, BlobPart, MAX_SKIP};
use javm_isa::{BlobError, Mode, Opcode, Program, Reg};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::blobs::{any_program, blob, natural};

fn error(blob: &[u8]) -> (usize, BlobErrorReason) {
    let BlobError { offset, reason } = Program::parse(blob).expect_err("not a blob");
    (offset, reason)
}

#[test]
fn each_error_has_its_place() {
    use BlobErrorReason::{CodeTooLong, EntryWidth, LongNatural, Padding, TrailingBytes, Truncated};
    use BlobPart::{Bitmask, Code, CodeLength, JumpTable, JumpTableLength};
    let cases: [(&[u8], usize, BlobErrorReason); 19] = [
        (&[], 0, Truncated(JumpTableLength)),
        (&[0x80], 1, Truncated(JumpTableLength)),
        (&[0xFF, 1, 2, 3, 4, 5, 6, 7], 8, Truncated(JumpTableLength)),
        (&[0x80, 0x7F, 0, 0], 0, LongNatural(JumpTableLength)),
        (&[0xFF, 0, 0, 0, 0, 0, 0, 0, 0], 0, LongNatural(JumpTableLength)),
        (&[0], 1, Truncated(BlobPart::EntryWidth)),
        (&[1, 0, 0], 1, EntryWidth(0)),
        (&[0, 9, 0], 1, EntryWidth(9)),
        (&[0x80, 0x80, 255, 0], 2, EntryWidth(255)),
        (&[0, 0], 2, Truncated(CodeLength)),
        (&[0, 0, 0xC0, 0], 4, Truncated(CodeLength)),
        (&[0, 0, 0xC0, 0xFF, 0x3F], 2, LongNatural(CodeLength)),
        (&[0, 0, 0xF0, 1, 0, 0, 0x40], 2, CodeTooLong((1 << 30) + 1)),
        (&[2, 4, 0, 1, 2, 3, 4, 5, 6, 7], 10, Truncated(JumpTable)),
        (&[0, 0, 2, 0], 4, Truncated(Code)),
        (&[0, 0, 2, 0, 0], 5, Truncated(Bitmask)),
        (&[0, 0, 1, 0, 1, 7, 7], 5, TrailingBytes(2)),
        (&[0, 0, 1, 0, 0b10], 4, Padding),
        (&[0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0x81], 13, Padding),
    ];
    for (bytes, offset, reason) in cases {
        assert_eq!(error(bytes), (offset, reason), "{bytes:?}");
    }
}

#[test]
fn lengths_that_no_memory_holds_are_only_errors() {
    // 2^64 - 1 jump table entries of 8 bytes; code of 2^30 bytes that are not there.
    let mut bytes = vec![0xFF; 9];
    bytes.extend_from_slice(&[8, 0]);
    assert_eq!(error(&bytes), (11, BlobErrorReason::Truncated(BlobPart::JumpTable)));
    let mut bytes = vec![0, 0];
    natural(1 << 30, &mut bytes);
    assert_eq!(error(&bytes).1, BlobErrorReason::Truncated(BlobPart::Code));
}

#[test]
fn errors_say_where_and_what() {
    let error = Program::parse(&[0, 0, 1, 0, 0b10]).expect_err("padding");
    assert_eq!(error.to_string(), "program blob: padding bits of the bitmask are not zero, at byte 4");
}

#[test]
fn the_empty_program_traps() {
    for bytes in [&[0, 0, 0][..], &[0, 4, 0]] {
        let program = Program::parse(bytes).expect("an empty program");
        assert_eq!(program.code_length(), 0);
        assert_eq!(program.block_starts(Mode::Bare).iter().count(), 0);
        for pc in [0, 1, u32::MAX] {
            assert_eq!(program.decode(pc, Mode::Bare).opcode, Opcode::Trap);
            assert!(program.next(pc) > pc || pc == u32::MAX);
        }
    }
}

#[test]
fn jump_table_entries_beyond_32_bits_lead_nowhere() {
    let program = Program::parse(&blob(&[0x1_0000_0000, 5, u64::MAX], 8, &[0], &[true])).expect("a program");
    assert_eq!(program.jump_table(), [u32::MAX, 5, u32::MAX]);
    assert!(!program.block_starts(Mode::Bare).contains(u32::MAX));
}

#[test]
fn the_end_of_the_code_is_a_trap_of_one_byte() {
    // `load_imm_64` whose eight bytes are not all there: zeroes follow.
    let program = Program::parse(&blob(&[], 0, &[20, 7, 1, 2], &[true, false, false, false])).expect("a program");
    let instruction = program.decode(0, Mode::Bare);
    assert_eq!((instruction.a, instruction.x), (Reg::A0, 0x0201));
    assert_eq!(program.next(0), 4);
    assert_eq!(program.decode(4, Mode::Bare).opcode, Opcode::Trap);
}

#[test]
fn the_machine_sees_24_bytes_far() {
    let mut starts = vec![false; 40];
    starts[0] = true;
    let program = Program::parse(&blob(&[], 0, &[1; 40], &starts)).expect("a program");
    assert_eq!(program.skip(0), MAX_SKIP);
    assert_eq!(program.opcode_at(25, Mode::Bare), None);
    // Behind a terminator, but no instruction starts there.
    assert!(!program.block_starts(Mode::Bare).contains(25));
}

/// Where blocks start, from the definition.
fn block_starts(program: &Program, mode: Mode) -> Vec<u32> {
    let is_start = |pc: u32| {
        let follows_terminator = (0..pc).any(|before| {
            program.opcode_at(before, mode).is_some_and(Opcode::is_terminator) && program.next(before) == pc
        });
        program.opcode_at(pc, mode).is_some() && (pc == 0 || follows_terminator)
    };
    (0..program.code_length()).filter(|&pc| is_start(pc)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn any_bytes_are_a_program_or_an_error(bytes in vec(prop_oneof![0..16_u8, any::<u8>()], 0..64)) {
        match Program::parse(&bytes) {
            Ok(program) => prop_assert_eq!(program.blob(), bytes),
            Err(error) => prop_assert!(error.offset <= bytes.len()),
        }
    }

    #[test]
    fn a_damaged_blob_is_a_program_or_an_error(
        program in any_program(), at in any::<prop::sample::Index>(), value: u8, cut in any::<prop::sample::Index>(),
    ) {
        let mut bytes = program.blob().to_vec();
        let at = at.index(bytes.len());
        bytes[at] = value;
        bytes.truncate(cut.index(2 * bytes.len()));
        if let Ok(program) = Program::parse(&bytes) {
            prop_assert_eq!(program.blob(), bytes);
        }
    }

    #[test]
    fn every_offset_decodes(program in any_program(), far: u32) {
        let length = program.code_length();
        for mode in [Mode::Bare, Mode::Image] {
            for pc in (0..length + 40).chain([far, u32::MAX]) {
                let next = program.next(pc);
                prop_assert!(next > pc || pc == u32::MAX);
                prop_assert!(next - pc <= MAX_SKIP + 1);
                let instruction = program.decode(pc, mode);
                let holds_one = pc < length && program.opcode_at(pc, mode).is_some();
                prop_assert!(holds_one || instruction.opcode == Opcode::Trap);
                prop_assert_eq!(instruction.opcode == Opcode::Ecall, holds_one && program.code()[pc as usize] == 3 && mode == Mode::Image);
            }
        }
    }

    #[test]
    fn block_starts_are_what_the_definition_says(program in any_program()) {
        for mode in [Mode::Bare, Mode::Image] {
            let expected = block_starts(&program, mode);
            let starts = program.block_starts(mode);
            prop_assert_eq!(starts.iter().collect::<Vec<_>>(), &expected[..]);
            for pc in 0..program.code_length() + 70 {
                prop_assert_eq!(starts.contains(pc), expected.contains(&pc));
            }
        }
    }
}
