//! The targets within `cargo test`, and the harness itself.
#![allow(missing_docs)]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use javm_fuzz::{Reached, Target, harness, targets};

/// Where inputs are written that a target fails on.
const FOLDER: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/fuzz");

macro_rules! targets {
    ($($name:ident)*) => {
        $(
            #[test]
            fn $name() {
                harness::check(&targets::$name::TARGET, Path::new(FOLDER));
            }
        )*

        const TESTED: &[&str] = &[$(stringify!($name)),*];
    };
}

targets! { archive arguments assembly blob elf image interface interpreter memory proof symbols }

/// The names in a folder, without extension.
fn names(folder: &str) -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let stem = |path: &Path| path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    entries.map(|entry| stem(&entry.expect("an entry").path())).collect()
}

#[test]
fn every_list_has_every_target() {
    let all: BTreeSet<String> = targets::ALL.iter().map(|target| target.name.to_owned()).collect();
    assert_eq!(all.len(), targets::ALL.len(), "two targets have one name");
    assert_eq!(all, TESTED.iter().map(ToString::to_string).collect());
    assert_eq!(all, names("corpus"));
    assert_eq!(all, names("../../fuzz/fuzz_targets"));
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/Cargo.toml");
    let manifest = fs::read_to_string(manifest).expect("fuzz/Cargo.toml");
    for name in all {
        assert!(manifest.contains(&format!("name = \"{name}\"\npath = \"fuzz_targets/{name}.rs\"\n")), "{name}");
    }
}

/// What is committed shows where real inputs get to: a format that has changed needs a new corpus.
#[test]
fn real_inputs_are_accepted() {
    for target in targets::ALL {
        let inputs = harness::corpus(target);
        let accepted = inputs.iter().filter(|(_, bytes)| (target.run)(bytes) == Reached::Accepted).count();
        let real = inputs.iter().filter(|(path, _)| !path.to_string_lossy().contains("regression-")).count();
        assert!(accepted >= real, "{}: {accepted} of {real} are accepted; see fuzz/README.md", target.name);
    }
}

/// A target that fails on inputs with three given bytes.
const BROKEN: Target = Target {
    name: "blob",
    run: |bytes| {
        assert!(![7, 8, 9].iter().all(|byte| bytes.contains(byte)), "found after {} bytes", bytes.len());
        Reached::Accepted
    },
    ..targets::blob::TARGET
};

#[test]
fn a_failure_names_seed_place_and_smallest_input() {
    let folder = Path::new(FOLDER).join("harness");
    let failed = std::panic::catch_unwind(|| harness::check(&BROKEN, &folder));
    let message = *failed.expect_err("it finds it").downcast::<String>().expect("a message");
    let line = |start: &str| {
        let found = message.lines().find_map(|line| line.trim_start().strip_prefix(start));
        found.unwrap_or_else(|| panic!("{start}:\n{message}")).trim().to_owned()
    };
    assert!(message.starts_with("target blob fails on "), "{message}");
    assert!(line("panic at ").contains("tests/fuzz.rs"), "{message}");
    let path = line("smallest:").split(" (").next().unwrap().to_owned();
    let mut smallest = fs::read(path).unwrap();
    let hex: String = smallest.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(message.lines().nth(4), Some(hex.as_str()), "{message}");
    smallest.sort_unstable();
    assert_eq!(smallest, [7, 8, 9]);
}
