//! The blocks of the example programs.

use std::fs;
use std::path::Path;

use javm_cap::ValidImage;
use javm_isa::{Mode, assemble, disassemble};

use crate::oracle::{Polkavm, compare};

#[test]
fn blocks_cost_what_polkavm_says_and_text_goes_round() {
    let polkavm = Polkavm::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../guests/images");
    let mut images = 0;
    for entry in fs::read_dir(&folder).expect("guests/images") {
        let path = entry.expect("an entry").path();
        if path.extension().is_none_or(|extension| extension != "nub") {
            continue;
        }
        let name = path.display();
        let image =
            ValidImage::load(&fs::read(&path).expect("a file")).unwrap_or_else(|error| panic!("{name}: {error}"));
        let program = image.program();
        let module = polkavm.load(program, Mode::Image);
        let blocks = compare(program, Mode::Image, module.as_ref());
        let blocks = blocks.unwrap_or_else(|difference| panic!("{name}: {difference}"));
        assert!(blocks > 0, "{name}: polkavm reads it differently");
        let text = disassemble(program);
        let again = assemble(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(again.blob(), program.blob(), "{name}");
        images += 1;
    }
    assert!(images > 0, "no Images in {}", folder.display());
}
