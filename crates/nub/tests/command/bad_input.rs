//! Everything that can be wrong gets a message of its own and the documented exit code.

use std::io::Write;
use std::process::Stdio;

use super::{command, finished, guest, nub};

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

#[test]
fn files_that_are_not_there_or_not_files() {
    for line in [
        &["run", "no/such.nub"][..],
        &["image", "verify", "no/such.nub"],
        &["image", "inspect", "no/such.nub"],
        &["image", "disasm", "no/such.nub"],
        &["image", "build", "no/such.nub", "-o", "x"],
        &["conformance", "no/such.nub"],
    ] {
        nub(line).expect(3).says(&["no/such.nub", "No such file", "hint: check the path"]);
    }
    nub(&["run", "/"]).expect(3).says(&["/: ", "is a directory"]);
    let image = guest("counter");
    let below_a_file = format!("{image}/x");
    nub(&["run", &below_a_file]).expect(3).says(&[&below_a_file, "Not a directory"]);
    nub(&["conformance", &below_a_file]).expect(3).says(&[&below_a_file]);
}

#[cfg(unix)]
#[test]
fn files_and_directories_that_may_not_be_read() {
    use std::os::unix::fs::PermissionsExt;
    let folder = folder();
    let closed = folder.path().join("closed");
    std::fs::create_dir(&closed).expect("created");
    let image = closed.join("counter.nub");
    std::fs::copy(guest("counter"), &image).expect("copied");
    std::fs::set_permissions(&closed, std::fs::Permissions::from_mode(0o000)).expect("set");
    let readable = std::fs::read_dir(&closed).is_ok();
    let run = nub(&["run", image.to_str().expect("text")]);
    let conformance = nub(&["conformance", closed.to_str().expect("text")]);
    std::fs::set_permissions(&closed, std::fs::Permissions::from_mode(0o700)).expect("set");
    if readable {
        nub_test_skip::skipped("files that may not be read", &"this user may read everything");
        return;
    }
    run.expect(3).says(&["counter.nub", "Permission denied", "hint: you may not read it"]);
    conformance.expect(3).says(&["closed", "Permission denied"]);
}

#[test]
fn bytes_that_are_no_image() {
    let folder = folder();
    let good = std::fs::read(guest("counter")).expect("it is committed");
    let path = folder.path().join("bad.nub");
    let name = path.to_str().expect("text");
    let mut flipped = good.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 0x40;
    let mut longer = good.clone();
    longer.push(0);
    for (bytes, what) in [
        (&b""[..], "empty"),
        (b"\x7fELF\x02\x01\x01", "an ELF file"),
        (&good[..good.len() - 1], "cut"),
        (&longer, "longer"),
    ] {
        std::fs::write(&path, bytes).expect("written");
        for line in
            [&["run", name][..], &["image", "verify", name], &["image", "inspect", name], &["image", "disasm", name]]
        {
            let run = nub(line).expect(3).says(&["bad.nub", "not an Image", "hint: make Images with"]);
            assert!(run.stderr.contains("byte"), "{what}: the place is missing\n{}", run.report());
        }
    }
    // A flipped bit anywhere either gives an error or another valid Image, never anything else.
    std::fs::write(&path, &flipped).expect("written");
    let verified = nub(&["image", "verify", name]);
    assert!(matches!(verified.code, Some(0 | 3)), "{}", verified.report());
}

#[test]
fn arguments_of_the_wrong_type_or_number() {
    let image = guest("counter");
    nub(&["run", &image, "-e", "add", "-a", "five"]).expect(2).says(&[
        "n: \"five\" is no integer",
        "0x",
        "add(n: u64)",
    ]);
    nub(&["run", &image, "-e", "add", "-a", "1.5"]).expect(2).says(&["n: \"1.5\" is no integer"]);
    nub(&["run", &image, "-e", "add", "-a", "18446744073709551616"]).expect(2).says(&["does not fit into u64"]);
    nub(&["run", &image, "-e", "add"]).expect(2).says(&["0 arguments are given", "add(n: u64) -> u64"]);
    nub(&["run", &image, "-e", "add", "-a", "1", "-a", "2"]).expect(2).says(&["2 arguments are given", "add(n: u64)"]);
    nub(&["run", &image, "-e", "get", "-a", "1"]).expect(2).says(&["1 arguments are given", "get() -> u64"]);
    let raw = |arguments: &[&str]| nub(&[&["run", &image, "--raw"], arguments].concat());
    raw(&["-e", "add", "-a", "five"]).expect(2).says(&["five", "not an integer", "0x"]);
    raw(&["-e", "add", "-a", "18446744073709551616"]).expect(2).says(&["does not fit into 64 bits"]);
    raw(&["-e", "add"]).expect(4).says(&["endpoint 'add' takes 1 argument, 0 given", "hint: "]);
    raw(&["-e", "add", "-a", "1", "-a", "2"]).expect(4).says(&["takes 1 argument, 2 given"]);
    raw(&["-e", "get", "-a", "1"]).expect(4).says(&["endpoint 'get' takes 0 arguments, 1 given"]);
}

#[test]
fn endpoints_that_do_not_exist() {
    let image = guest("counter");
    nub(&["run", &image, "-e", "substract"]).expect(4).says(&["no endpoint 'substract'", "add, get"]);
    nub(&["run", &image, "-e", "99"]).expect(4).says(&["no endpoint 99", "add, get"]);
    nub(&["run", &image, "-e", "-1"]).expect(2);
    nub(&["run", &image]).expect(2).says(&["which endpoint?", "add, get"]);
}

#[test]
fn flags_that_make_no_sense() {
    let image = guest("counter");
    nub(&["run", &image, "-e", "get", "--gas", "0"]).expect(2).says(&["nothing runs without gas"]);
    nub(&["run", &image, "-e", "get", "--gas", "-5"]).expect(2).says(&["gas cannot be negative"]);
    nub(&["run", &image, "-e", "get", "--repeat", "0"]).expect(2);
    nub(&["run", &image, "-e", "get", "--scratchpad-hex", "abc"])
        .expect(2)
        .says(&["an odd number of hexadecimal digits"]);
    nub(&["run", &image, "-e", "get", "--scratchpad-hex", "zz"]).expect(2).says(&["'z' is no hexadecimal digit"]);
    nub(&["run", &image, "-e", "get", "--arch", "pdp11"]).expect(2).says(&["pdp11", "auto", "local"]);
    nub(&["run", &image, "-e", "get", "--scratchpad", "no/such"]).expect(3).says(&["no/such"]);
    nub(&["image", "build", &image, "-o", "x", "--stack", "many"]).expect(2).says(&["'many'"]);
    nub(&["frobnicate"]).expect(2).says(&["frobnicate"]);
    nub(&[]).expect(2);
    nub(&["man", "frobnicate"]).expect(2).says(&["there is no subcommand 'frobnicate'"]);
}

#[test]
fn programs_that_fail_say_where_and_why() {
    let image = guest("faults");
    let run = |endpoint: &str, arguments: &[&str]| {
        let mut line = vec!["run", &image, "-e", endpoint, "--gas", "10_000_000"];
        for argument in arguments {
            line.extend(["-a", argument]);
        }
        nub(&line)
    };
    let spin = run("spin", &[]).expect(12).says(&["out of gas in", "spin", "--gas"]);
    assert!(spin.stdout.starts_with("result  OUT_OF_GAS\n"), "{}", spin.report());
    run("recurse", &["1"]).expect(11).says(&["stack overflow in", "deeper", "--stack"]);
    run("write_readonly", &["1"]).expect(11).says(&["write_readonly", "writes read-only data"]);
    run("null", &[]).expect(10).says(&["panic in", "null", "null pointer"]);
    run("unmapped", &["0x40000000"]).expect(11).says(&["unmapped", "reads page 0x40000000", "nothing is mapped"]);
    run("panic", &["1"]).expect(10).says(&["panic in", "trap"]);
    let json = nub(&["--json", "run", &image, "-e", "unmapped", "-a", "0x40001234"]).expect(11).json();
    assert_eq!((&json["status"], &json["fault_page"]), (&"FAULT".into(), &0x4000_1000_u64.into()));
}

#[test]
fn files_that_cannot_be_linked() {
    let folder = folder();
    let out = folder.path().join("out.nub");
    let out = out.to_str().expect("text");
    for (bytes, part) in
        [(&b""[..], "ELF"), (b"int main(void) { return 0; }", "ELF"), (b"\x7fELF\x01\x01\x01\0\0\0\0\0\0\0\0\0", "")]
    {
        let path = folder.path().join("in.elf");
        std::fs::write(&path, bytes).expect("written");
        nub(&["image", "build", path.to_str().expect("text"), "-o", out]).expect(3).says(&["in.elf", part]);
        assert!(!std::path::Path::new(out).exists(), "nothing is written for a file that cannot be linked");
    }
    // A program for this computer is not one for the machine.
    nub(&["image", "build", env!("CARGO_BIN_EXE_nub"), "-o", out]).expect(3).says(&["x86-64", "riscv64"]);
}

#[test]
fn errors_for_machines() {
    let run = nub(&["--json", "run", "no/such.nub"]).expect(3);
    let error = &run.json()["error"];
    assert_eq!((&error["kind"], &error["exit"]), (&"read".into(), &3.into()));
    assert!(error["message"].as_str().is_some_and(|message| message.contains("no/such.nub")), "{}", run.report());
    let refused = nub(&["--json", "run", &guest("counter"), "-e", "mul"]).expect(4).json();
    assert_eq!(refused["error"]["code"], 121);
}

#[cfg(target_os = "linux")]
#[test]
fn results_that_cannot_be_written() {
    let image = guest("counter");
    let full = || Stdio::from(std::fs::File::create("/dev/full").expect("Linux has it"));
    let to_full = |line: &[&str]| finished(&command().args(line).stdout(full()).output().expect("starts"));
    to_full(&["run", &image, "-e", "add", "-a", "5"]).expect(5).says(&["standard output", "No space left"]);
    to_full(&["image", "inspect", &image]).expect(5).says(&["No space left"]);
    nub(&["run", &image, "-e", "get", "--trace=/dev/full"]).expect(5).says(&["/dev/full", "No space left"]);
    nub(&["run", &image, "-e", "get", "--trace=no/such/folder"]).expect(5).says(&["no/such/folder"]);
    nub(&["run", &image, "-e", "get", "--scratchpad-out", "no/such/folder"]).expect(5).says(&["no/such/folder"]);
    nub(&["run", &image, "-e", "get", "--scratchpad-out", "/dev/full"]).expect(5).says(&["/dev/full"]);
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let mut child = command()
        .args(["image", "disasm", &guest("ed25519")])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("starts");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("ends");
    finished(&output).expect(0);
}

#[test]
fn damaged_symbols_are_left_aside() {
    let folder = folder();
    let image = folder.path().join("counter.nub");
    std::fs::copy(guest("counter"), &image).expect("copied");
    let name = image.to_str().expect("text");
    let symbols = folder.path().join("counter.nub.sym");
    for content in ["", "{", "{}", "[1, 2"] {
        std::fs::write(&symbols, content).expect("written");
        nub(&["run", name, "-e", "get"]).expect(0).says(&[
            "note: ",
            "counter.nub.sym",
            "names of functions and source lines are not shown",
        ]);
    }
    std::fs::copy(guest("fib") + ".sym", &symbols).expect("copied");
    nub(&["run", name, "-e", "get"]).expect(0).says(&["belongs to Image"]);
    std::fs::remove_file(&symbols).expect("removed");
    let run = nub(&["run", name, "-e", "get"]).expect(0);
    assert_eq!(run.stderr, "");
    let mut file = std::fs::File::create(&symbols).expect("created");
    file.write_all(&[0xFF; 100]).expect("written");
    nub(&["run", name, "-e", "get"]).expect(0).says(&["note: "]);
}
