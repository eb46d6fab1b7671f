//! `docs/guide/first-program.md`, followed to the letter: its files are written, its commands run, what they print is
//! compared.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

const GUIDE: &str = include_str!("../../../../docs/guide/first-program.md");

/// A fenced block of the page: what stands behind the fence, and its lines.
struct Block {
    kind: &'static str,
    text: &'static str,
}

fn blocks(page: &'static str) -> Vec<Block> {
    let fenced = page.split("\n```").skip(1).step_by(2);
    fenced.filter_map(|block| block.split_once('\n').map(|(kind, text)| Block { kind, text })).collect()
}

/// The command `nub` of this repository: what the tests of the workspace have built, or else built now.
fn nub() -> PathBuf {
    let own = Path::new(env!("CARGO_BIN_EXE_cargo-nub"));
    let nub = own.with_file_name("nub");
    if nub.is_file() {
        return nub;
    }
    let mut command = Command::new(env!("CARGO"));
    command.args(["build", "--quiet", "--offline", "-p", "nub", "--bin", "nub", "--target-dir"]);
    // …/debug/cargo-nub
    command.arg(own.ancestors().nth(2).expect("it is in a folder of the target's"));
    if own.parent().is_some_and(|folder| folder.ends_with("release")) {
        command.arg("--release");
    }
    assert!(command.current_dir(env!("CARGO_MANIFEST_DIR")).status().expect("cargo starts").success());
    nub
}

/// Whether a line is as the page says it, where `…` stands for anything.
fn line_is(said: &str, found: &str) -> bool {
    match said.split_once('…') {
        None => said == found,
        Some((start, rest)) => found.strip_prefix(start).is_some_and(|found| {
            (0..=found.len()).filter(|&at| found.is_char_boundary(at)).any(|at| line_is(rest, &found[at..]))
        }),
    }
}

/// Whether lines are as the page says them, where one of `…` alone stands for any number of them.
fn lines_are(said: &[&str], found: &[&str]) -> bool {
    match said {
        [] => found.is_empty(),
        ["…", rest @ ..] => (0..=found.len()).any(|at| lines_are(rest, &found[at..])),
        [first, rest @ ..] => {
            found.split_first().is_some_and(|(line, found)| line_is(first, line) && lines_are(rest, found))
        }
    }
}

/// Follows a part of the page in a folder. Returns how many commands were run.
fn follow(part: &'static str, folder: &Path) -> usize {
    let programs = folder.join("bin");
    fs::create_dir(&programs).expect("a folder");
    symlink(env!("CARGO_BIN_EXE_cargo-nub"), programs.join("cargo-nub")).expect("a link");
    symlink(nub(), programs.join("nub")).expect("a link");
    let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap_or_default());
    let lock = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../guests/Cargo.lock");

    let mut place = folder.to_path_buf();
    let mut printed: Option<String> = None;
    let mut commands = 0;
    for Block { kind, text } in blocks(part) {
        if let Some((_, file)) = kind.split_once(" file=") {
            fs::write(place.join(file), text).expect("it can be written");
        } else if kind == "sh" {
            assert_eq!(printed.take(), None, "the page does not say what was printed before:\n{text}");
            let script = format!("set -e; exec 2>&1\n{text}\npwd > {:?}\n", folder.join("place"));
            let mut command = Command::new("sh");
            command.arg("-c").arg(script).current_dir(&place).env("PATH", &path).env("NO_COLOR", "1");
            // The crates are here since the examples were built. What the test runs in is no business of the newcomer's.
            command.env("CARGO_NET_OFFLINE", "true").env_remove("CARGO_TARGET_DIR");
            let output = command.output().expect("sh starts");
            let output_text = String::from_utf8_lossy(&output.stdout).into_owned();
            assert!(output.status.success(), "{text}\n{output_text}");
            place = PathBuf::from(fs::read_to_string(folder.join("place")).expect("written").trim());
            if place.join("Cargo.toml").is_file() && !place.join("Cargo.lock").is_file() {
                fs::copy(&lock, place.join("Cargo.lock")).expect("it can be copied");
            }
            commands += text.lines().count();
            printed = Some(output_text).filter(|text| !text.is_empty());
        } else if kind == "text" {
            let found = printed.take().expect("something was printed");
            let said: Vec<&str> = text.lines().collect();
            let lines: Vec<&str> = found.lines().map(str::trim_end).collect();
            assert!(lines_are(&said, &lines), "the page says\n{text}\nbut this was printed:\n{found}");
        } else {
            assert_eq!(kind, "install", "a block of another kind");
        }
    }
    assert_eq!(printed, None, "the page does not say what was printed last");
    commands
}

fn parts() -> (&'static str, &'static str) {
    let (rust, c) = GUIDE.split_once("\n## In C\n").expect("there is a part for C");
    (rust, c)
}

#[test]
fn what_is_printed_is_compared() {
    assert!(lines_are(&["a … c", "…", "d"], &["a b c", "x", "y", "d"]));
    assert!(lines_are(&["…"], &[]));
    assert!(!lines_are(&["a", "…", "d"], &["a", "x"]));
    assert!(!lines_are(&["a …c"], &["a b"]));
}

#[test]
fn the_guide_leads_to_a_program_in_c() {
    if super::debian().is_none() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let (_, c) = parts();
    // The first command leaves the folder of the program before.
    let before = folder.path().join("guestbook");
    fs::create_dir(&before).expect("a folder");
    assert!(follow(c.replacen("cd ..\n", "", 1).leak(), folder.path()) > 5);
    let image = fs::read(folder.path().join("checksum/target/nub/checksum.nub")).expect("it was built");
    let mut nub = nub::Nub::for_tests().expect("a machine");
    let image = nub.publish(&image).expect("an Image");
    let checksum = nub.instantiate(&image, &nub::Grants::services()).expect("it wants LOG only");
    // CRC-32 of nothing is 0; of one zero byte d202ef8d, as every table of it starts.
    for (bytes, crc) in [(vec![], 0), (vec![0_u8], 0xd202_ef8d_u32)] {
        let found: nub::Returned<u32> =
            nub.invoke_typed(checksum, "crc32", &(bytes,), &nub::InvokeOptions::default()).expect("it fits");
        assert_eq!(found.value, Some(crc));
    }
}

#[test]
#[ignore = "compiles the standard library: about a minute"]
fn the_guide_leads_to_a_program_in_rust() {
    if super::debian().is_none() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    assert!(follow(parts().0, folder.path()) > 8);
    let drawn = fs::read_to_string(folder.path().join("guestbook/gas.svg")).expect("it was drawn");
    assert!(drawn.contains("keccak_p"), "the flame graph lacks what costs most");
}
