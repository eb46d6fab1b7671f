//! The vectors of this repository are those that the model writes.

use std::fs;
use std::path::{Path, PathBuf};

use nub_conformance::vectors;

fn committed() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../vectors")
}

#[test]
fn are_as_the_model_writes_them() {
    let differing = vectors::differing(&committed()).expect("they can be read");
    assert!(differing.is_empty(), "{differing:?}: cargo run -p nub-conformance -- vectors");
}

#[test]
fn what_differs_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let bytes = vectors::write(folder.path()).expect("written");
    assert!(bytes <= 3 << 20, "{bytes} bytes are more than 3 MiB");
    assert!(vectors::differing(folder.path()).expect("read").is_empty());
    let name = Path::new("operations/copy.json");
    let text = fs::read_to_string(folder.path().join(name)).expect("it is there");
    fs::write(folder.path().join(name), text.replacen("HALT", "DONE", 1)).expect("written");
    fs::write(folder.path().join("more.json"), "{}").expect("written");
    fs::remove_file(folder.path().join("calls.json")).expect("removed");
    let mut differing = vectors::differing(folder.path()).expect("read");
    differing.sort();
    assert_eq!(differing, ["calls.json", "more.json", "operations/copy.json"].map(PathBuf::from));
}
