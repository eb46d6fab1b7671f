//! `nub image` and `--trace`.

use super::{guest, nub};

#[test]
fn verify_gives_the_hash() {
    let (counter, fib) = (guest("counter"), guest("fib"));
    let run = nub(&["image", "verify", &counter, &fib]).expect(0);
    assert_eq!(run.stdout.lines().filter(|line| line.starts_with("valid")).count(), 2, "{}", run.report());
    let hash = nub(&["--json", "image", "verify", &counter]).expect(0).json()["hash"].clone();
    assert!(run.stdout.contains(hash.as_str().expect("text")));
    assert_eq!(nub(&["--json", "run", &counter, "-e", "get"]).expect(0).json()["image"], hash);
}

#[test]
fn inspect_shows_what_is_in_an_image() {
    let counter = guest("counter");
    let text = nub(&["image", "inspect", &counter]).expect(0);
    for part in ["Endpoints", "add(n: u64) -> u64", "Memory", "read-write", "Imports", "service LOG", "pipeline"] {
        assert!(text.stdout.contains(part), "'{part}' is missing\n{}", text.report());
    }
    let object = nub(&["--json", "image", "inspect", &counter]).expect(0).json();
    let names: Vec<&str> =
        object["endpoints"].as_array().expect("a list").iter().filter_map(|e| e["name"].as_str()).collect();
    assert!(names.contains(&"add") && names.contains(&"get"), "{names:?}");
    assert!(object["code"]["instructions"].as_u64().expect("a number") > 10);
}

#[test]
fn plain_disassembly_assembles_to_the_same_blob() {
    let services = guest("services");
    let text = nub(&["image", "disasm", "--plain", &services]).expect(0).stdout;
    let image = javm_cap::ValidImage::load(&std::fs::read(&services).expect("committed")).expect("valid");
    let assembled = javm_isa::assemble(&text).expect("it is assembly text");
    assert!(assembled.blob() == image.program().blob(), "the blobs differ");
}

#[test]
fn disassembly_shows_offsets_gas_and_functions() {
    let counter = guest("counter");
    let listing = nub(&["image", "disasm", &counter]).expect(0);
    assert!(listing.stdout.contains("jump_ind"), "{}", listing.report());
    let lines = nub(&["--json", "image", "disasm", &counter]).expect(0).stdout;
    let first: serde_json::Value = serde_json::from_str(lines.lines().next().expect("a line")).expect("JSON");
    assert_eq!(first["pc"], 0);
    assert!(first["gas"].is_u64(), "{first}");
    let add = nub(&["image", "disasm", &counter, "--function", "add"]).expect(0);
    assert!(add.stdout.lines().count() < listing.stdout.lines().count());
    nub(&["image", "disasm", &counter, "--function", "no_such_function"]).expect(3).says(&["no function is named"]);
}

#[test]
fn a_trace_is_a_line_an_instruction() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("trace");
    let flag = format!("--trace={}", path.display());
    let fib = guest("fib");
    let traced = nub(&["--json", "run", &fib, "-e", "fib", "-a", "10", &flag]).expect(0).json();
    let plain = nub(&["--json", "run", &fib, "-e", "fib", "-a", "10"]).expect(0).json();
    for key in ["value", "gas_used", "status", "registers", "state_root"] {
        assert_eq!(traced[key], plain[key], "{key}");
    }
    let trace = std::fs::read_to_string(&path).expect("written");
    assert!(trace.lines().count() > 30, "{trace}");
    assert!(trace.lines().all(|line| line.split_whitespace().count() >= 4), "{trace}");
    assert!(trace.contains("fib"), "functions are named\n{trace}");
    let on_stderr = nub(&["run", &fib, "-e", "fib", "-a", "10", "--trace"]).expect(0);
    assert_eq!(on_stderr.stderr, trace);
}

#[test]
fn the_manual_and_completions_are_generated() {
    for shell in ["bash", "zsh", "fish"] {
        let script = nub(&["completions", shell]).expect(0).stdout;
        assert!(script.contains("conformance"), "{script}");
    }
    assert!(nub(&["man"]).expect(0).stdout.contains("EXIT") || nub(&["man"]).expect(0).stdout.contains("Exit codes"));
    assert!(nub(&["man", "image", "build"]).expect(0).stdout.contains("ELF"));
    assert!(nub(&["--help"]).expect(0).stdout.contains("Exit codes"));
}

#[test]
fn the_page_has_the_exit_codes_that_the_command_has() {
    let help = nub(&["--help"]).expect(0).stdout;
    let table = |text: &str, row: fn(&str) -> Option<(&str, &str)>| -> Vec<(String, String)> {
        text.lines().filter_map(row).map(|(code, meaning)| (code.trim().into(), meaning.trim().into())).collect()
    };
    let in_help = table(help.split("Exit codes:").nth(1).expect("the table"), |line| line.trim().split_once('\t'));
    let page = include_str!("../../../../docs/command.md");
    let in_page = table(page.split("## Exit codes").nth(1).expect("the heading"), |line| {
        line.strip_prefix("| ")?
            .strip_suffix(" |")?
            .split_once('|')
            .filter(|(code, _)| code.trim().parse::<u8>().is_ok())
    });
    assert_eq!(in_help, in_page);
    assert_eq!(in_page.len(), 11);
}
