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
