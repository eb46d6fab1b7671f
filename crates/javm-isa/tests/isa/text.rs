//! Assembly text: round trips and errors.

use javm_isa::{Listing, assemble, disassemble};
use proptest::prelude::*;

use crate::blobs::any_program;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn bytes_to_text_to_bytes(program in any_program()) {
        let text = disassemble(&program);
        let again = assemble(&text).map_err(|error| TestCaseError::fail(format!("{error}\n{text}")))?;
        prop_assert_eq!(again.blob(), program.blob(), "{}", text);
        prop_assert_eq!(Listing::read(&text).unwrap().to_string(), text);
    }

    #[test]
    fn any_text_is_read_or_refused(text in "[ -~\n\u{e9}\u{4e16}]{0,80}") {
        if let Ok(program) = assemble(&text) {
            prop_assert_eq!(assemble(&disassemble(&program)).unwrap(), program);
        }
    }
}

/// Line, column and the beginning of the message of the error that `text` gives.
fn error(text: &str) -> (u32, u32, String) {
    let error = assemble(text).expect_err(text);
    (error.line, error.column, error.reason.to_string())
}

#[test]
fn errors_have_their_place() {
    for (text, line, column, message) in [
        ("?", 1, 1, "unexpected character '?'"),
        ("trap é", 1, 6, "unexpected character 'é'"),
        ("; é\n  @é:", 2, 3, "a label needs a name"),
        ("@\"open", 1, 1, "the quoted label does not end"),
        ("@a trap", 1, 4, "expected `:` behind the label, found `trap`"),
        ("add_65 a0, a1, a2", 1, 1, "there is no instruction `add_65`"),
        (".text", 1, 1, "there is no directive `.text`"),
        ("trap trap", 1, 6, "expected the end of the line, found `trap`"),
        ("add_64 a0 a1, a2", 1, 11, "expected `,` and the next operand, found `a1`"),
        ("add_64 a0, a1, 5", 1, 16, "expected a register"),
        ("add_64 a0, a1, a6", 1, 16, "expected a register"),
        ("add_64 a0, a1", 1, 14, "expected `,` and the next operand, found the end of the line"),
        ("load_imm a0, a1", 1, 14, "expected a number, found `a1`"),
        ("load_imm a0, 5x", 1, 14, "`5x` is not a number"),
        ("load_imm a0, 0x", 1, 14, "`0x` is not a number"),
        ("load_imm a0, 1__", 1, 14, "`1__` is not a number"),
        ("load_imm a0, 0x1_0000_0000_0000_0000", 1, 14, "`0x1_0000_0000_0000_0000` is not a number"),
        ("load_imm a0, 0x80000000", 1, 14, "immediate 0x80000000 does not fit into 4 bytes"),
        ("load_imm a0, -0x80000001", 1, 14, "immediate 0xffffffff7fffffff does not fit into 4 bytes"),
        ("load_imm_64 a0, -0x8000000000000001", 1, 17, "immediate 0x7fffffffffffffff does not fit"),
        ("load_imm_64 a0, 1:4", 1, 17, "an immediate has at most 4 bytes"),
        ("load_imm a0, 128:1", 1, 14, "immediate 0x80 does not fit into 1 bytes"),
        ("load_imm a0, 0:5", 1, 16, "an immediate has at most 4 bytes, 5 were asked for"),
        ("load_imm a0, 0:300", 1, 16, "an immediate has at most 4 bytes"),
        ("load_imm a0, 0:", 1, 16, "expected a length in bytes, 0 to 4, found the end of the line"),
        ("load_imm a0, - &b", 1, 16, "expected a number"),
        ("load_imm a0, &b\n@b: trap", 1, 14, "@b is not in the .jump_table"),
        ("load_u8 a0, 5", 1, 13, "expected `[` and an address, found `5`"),
        ("load_u8 a0, [5", 1, 15, "expected `]`, found the end of the line"),
        ("load_u8 a0, [a1 + 5]", 1, 14, "expected a number, found `a1`"),
        ("load_ind_u8 a0, [5]", 1, 18, "expected a register"),
        ("load_ind_u8 a0, [a1 * 5]", 1, 21, "unexpected character '*'"),
        ("load_ind_u8 a0, [a1 5]", 1, 21, "expected `+`, `-` or `]`, found `5`"),
        ("jump", 1, 5, "expected a label or a code offset, found the end of the line"),
        ("jump -1", 1, 6, "expected a label or a code offset, found `-`"),
        ("jump 0x100000000", 1, 6, "code offset 0x100000000 needs more than 32 bits"),
        ("trap\njump @a\njump @b\njump @a", 2, 6, "there is no label @a"),
        ("@a:\n@b:@a: trap\n@a:", 2, 4, "label @a stands at more than one place"),
        ("  jump 1000:1", 1, 3, "immediate 0x3e8 does not fit into 1 bytes"),
        (".jump_table", 1, 12, "expected a label or a code offset"),
        (".jump_table 1 2", 1, 15, "expected the end of the line, found `2`"),
        (".jump_table 1, @a", 1, 16, "there is no label @a"),
        (".jump_table_width x", 1, 19, "expected a number of bytes, 0 to 8, found `x`"),
        (".jump_table 300\n.jump_table_width 1", 2, 1, "jump table entries need 2 bytes, 1 were asked for"),
        (".jump_table_width 9", 1, 1, "jump table entries need 0 bytes, 9 were asked for"),
        (".jump_table_width 4\n.jump_table_width 4", 2, 19, "the width of jump table entries is given a second time"),
        (".raw", 1, 5, "expected bytes"),
        (".raw 1", 1, 6, "`1` is not a byte of two hexadecimal digits"),
        (".raw 01 +1", 1, 9, "`+1` is not a byte of two hexadecimal digits"),
        (".gap 0g ; 01", 1, 6, "`0g` is not a byte of two hexadecimal digits"),
    ] {
        let (actual_line, actual_column, reason) = error(text);
        assert_eq!((actual_line, actual_column), (line, column), "{text}: {reason}");
        assert!(reason.starts_with(message), "{text}: {reason}");
    }
}

#[test]
fn a_misplaced_entry_address_is_refused_where_it_stands() {
    // The address of entry 64 is 128, which does not fit into one byte.
    let text = ".jump_table ".to_owned() + &"0, ".repeat(63) + "@a\nload_imm a0, &a:1\n@a: trap";
    let (line, column, reason) = error(&text);
    assert_eq!((line, column), (2, 14), "{reason}");
}

#[test]
fn spaces_comments_and_quotes_are_free() {
    let program = assemble(
        " @a :@\"core::fmt::<impl X>; y\" : add_64  a0 ,a1,\ta2;comment, @z: trap\r\n\n\t@end:\n jump @\"core::fmt::<impl X>; y\" ; @\n",
    );
    let plain = assemble("add_64 a0, a1, a2\njump 0").unwrap();
    assert_eq!(program.unwrap(), plain);
}

#[test]
fn immediates_may_be_written_in_several_ways() {
    for (one, other) in [
        ("load_imm a0, -1", "load_imm a0, 0xffff_ffff_ffff_ffff"),
        ("load_imm a0, - 0x10", "load_imm a0, -16"),
        ("load_imm_64 a0, -1", "load_imm_64 a0, 18446744073709551615"),
        ("load_ind_u8 a0, [a1]", "load_ind_u8 a0, [a1 + 0]"),
        ("load_ind_u8 a0, [a1 - 4]", "load_ind_u8 a0, [a1 + -4]"),
        ("load_ind_u8 a0, [a1 - 4:4]", "load_ind_u8 a0, [a1 + -4:4]"),
        (".jump_table @a\n@a: load_imm a0, &a", ".jump_table 0\nload_imm a0, 2"),
        (
            ".jump_table @a, @b\n.jump_table @c\n@a: @b: @c: load_imm_64 a0, &c",
            ".jump_table 0, 0, 0\nload_imm_64 a0, 6",
        ),
    ] {
        assert_eq!(assemble(one).unwrap(), assemble(other).unwrap(), "{one}");
    }
}

#[test]
fn offsets_take_the_bytes_that_they_need() {
    // A jump over n one-byte instructions and itself.
    for (count, length) in [(0, 2), (125, 2), (126, 3), (32764, 3), (32765, 4)] {
        let text = "jump @end\n".to_owned() + &"fallthrough\n".repeat(count) + "@end: trap";
        let program = assemble(&text).unwrap();
        assert_eq!(program.code_length() as usize, length + count + 1, "{count}");
        assert_eq!(program.decode(0, javm_isa::Mode::Bare).target, program.code_length() - 1);
    }
    // Jumps to themselves and back.
    assert_eq!(assemble("@a: jump @a").unwrap().code(), [40]);
    assert_eq!(assemble("@a: jump @a:4").unwrap().code(), [40, 0, 0, 0, 0]);
}

#[test]
fn two_offsets_can_keep_each_other_long() {
    // Each jump goes over the other; both are two bytes long because both are two bytes long.
    let long = "jump @b:2\n".to_owned() + &"fallthrough\n".repeat(124) + "jump @a:2\n@b: trap\n" + "@a: trap";
    let program = assemble(&long).unwrap();
    let text = disassemble(&program);
    assert_eq!(assemble(&text).unwrap(), program, "{text}");
}

#[test]
fn removed_statements_leave_their_labels() {
    let mut listing = Listing::read("jump @a\n@a: trap\n@b: fallthrough\n@c: jump @b").unwrap();
    listing.remove(1);
    listing.remove(1);
    assert_eq!(listing.to_string(), "    jump                 @a\n@a:\n@b:\n@c:\n    jump                 @b\n");
    listing.remove(1);
    assert_eq!(listing.end_labels, ["a", "b", "c"]);
    assert!(listing.assemble().is_ok());
}
