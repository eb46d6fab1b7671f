//! Inputs of the linker. Whatever the bytes are:
//! - they link, the same way each time, to an Image that is valid, encodes and decodes to itself, and runs as
//!   [`exercise`](crate::exercise) says; its symbol map is one;
//! - or they are refused with a message.
//!
//! `object` makes small objects, `change` changes headers, relocations, symbols and instructions of any.

mod change;
mod object;

use javm_cap::Image;
use javm_isa::CostModel;
use javm_link::{Linked, Options, SymbolMap, link};
use rand::RngExt;

use crate::exercise::{exercise, seed_of};
use crate::targets::image::check_valid;
use crate::{Random, Reached, Target, mutation};

/// This target.
pub const TARGET: Target =
    Target { name: "elf", run, generate: object::generate, mutate, repair: |_| {}, least_accepted: 15 };

fn run(bytes: &[u8]) -> Reached {
    let linked = match link(bytes, &Options::default()) {
        Ok(linked) => linked,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            assert_eq!(link(bytes, &Options::default()), Err(error), "linked again there is another error");
            return Reached::Refused;
        }
    };
    assert_eq!(link(bytes, &Options::default()).as_ref(), Ok(&linked), "linked again it is another Image");
    check(linked, seed_of(bytes));
    let options = Options {
        stack: Some(4096),
        heap: Some(1),
        scratchpad: Some(8192),
        cost_model: CostModel::Flat,
        input_name: "folder/name.o".into(),
    };
    if let Ok(linked) = link(bytes, &options) {
        assert_eq!(linked.symbols.input, "name.o");
        check(linked, 0);
    }
    Reached::Accepted
}

fn check(linked: Linked, seed: u64) {
    let Linked { image, symbols, report, notes: _ } = linked;
    assert!(Image::decode(&image.encode()).as_ref() == Ok(&image), "the Image is read as another than it was written");
    let valid = match image.validate() {
        Ok(valid) => valid,
        Err(error) => panic!("the linker made an Image that is not valid: {error}"),
    };
    check_valid(&valid);
    assert_eq!(report.code_bytes, valid.program().code_length());
    let again = symbols.to_json().map(|json| SymbolMap::from_json(&json, valid.hash()));
    assert!(matches!(&again, Ok(Ok(again)) if *again == symbols), "the symbol map is read as another: {again:?}");
    exercise(&valid, seed);
}

fn mutate(random: &mut Random, bytes: &mut Vec<u8>, other: &[u8]) {
    if random.random_ratio(1, 6) || !change::change(random, bytes) {
        mutation::bytes(random, bytes, other);
    }
}
