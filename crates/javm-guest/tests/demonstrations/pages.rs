//! The pages of `docs/guide/` against the sources that they quote, the tests that they name, and each other.

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Pages that other tests follow to the letter: those of `cargo-nub` and of the command `nub`.
const FOLLOWED: [&str; 2] = ["first-program.md", "trees.md"];

/// The other pages, with their names.
fn pages() -> Vec<(String, String)> {
    let folder = root().join("docs/guide");
    let entries = fs::read_dir(&folder).expect("there is a guide");
    let names = entries.map(|entry| entry.expect("it can be read").file_name().into_string().expect("a name"));
    let mut names: Vec<String> = names.filter(|name| !FOLLOWED.contains(&&**name)).collect();
    names.sort();
    names.into_iter().map(|name| (name.clone(), read(&folder.join(name)))).collect()
}

#[test]
fn what_is_quoted_is_in_the_source() {
    let mut quotes = 0;
    for (name, page) in pages() {
        for block in page.split("\n```").skip(1).step_by(2) {
            let (kind, text) = block.split_once('\n').expect("a block has lines");
            let (_, file) = kind.split_once(" from=").unwrap_or_else(|| panic!("{name}: where is this from?\n{block}"));
            assert!(read(&root().join(file)).contains(text), "{name}: not in {file}:\n{text}");
            quotes += 1;
        }
    }
    assert!(quotes > 10);
}

#[test]
fn what_is_linked_and_run_is_there() {
    let tests = read(&root().join("crates/javm-guest/tests/demonstrations/main.rs"));
    let index = read(&root().join("docs/guide/README.md"));
    for (name, page) in pages() {
        for link in page.split("](").skip(1) {
            let link = link.split([')', '#']).next().expect("a link ends");
            assert!(root().join("docs/guide").join(link).exists(), "{name}: {link} is not there");
        }
        assert!(name == "README.md" || index.contains(&format!("]({name})")), "the index lacks {name}");
        for command in page.lines().filter(|line| line.contains("--test demonstrations ")) {
            let test = command.split("--test demonstrations ").nth(1).and_then(|rest| rest.split([' ', '`']).next());
            let test = test.expect("a test");
            assert!(tests.contains(&format!("\nmod {test};\n")), "{name}: there is no test {test}");
        }
    }
}
