//! Where failures happened, where gas went, and what bytes are for: by function and source line.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{guest, nub, repository};

/// The number of the line in a program's source that holds this text.
fn line(source: &str, text: &str) -> u64 {
    let path = repository().join("guests").join(source);
    let source = std::fs::read_to_string(&path).expect("the source is committed");
    let found: Vec<usize> =
        source.lines().enumerate().filter(|(_, line)| line.contains(text)).map(|(number, _)| number + 1).collect();
    assert_eq!(found.len(), 1, "'{text}' in {}: {found:?}", path.display());
    found[0] as u64
}

const FAULTS: &str = "rust/faults/src/main.rs";

/// Calls an endpoint that fails.
fn failing(endpoint: &str, arguments: &[&str], more: &[&str], code: i32) -> super::Finished {
    let image = guest("faults");
    let mut command = vec!["run", &image, "--endpoint", endpoint];
    for argument in arguments {
        command.extend(["--arg", argument]);
    }
    command.extend(more);
    nub(&command).expect(code)
}

#[test]
fn a_rust_panic_is_told_at_its_line() {
    let place = format!("{FAULTS}:{}", line(FAULTS, "assert!(n == u64::MAX"));
    let run = failing("panic", &["1"], &[], 10).says(&[&format!("at {place}"), "a Rust panic"]);
    let first = run.stderr.lines().find(|line| line.trim_start().starts_with("0 ")).expect("a list of calls");
    assert!(first.contains("panic (inlined)") && first.ends_with(&place), "{}", run.report());

    let object = failing("panic", &["1"], &["--json"], 10).json();
    let stack = object["stack"].as_array().expect("a list");
    let hidden = stack.iter().take_while(|frame| frame["hidden"] == true).count();
    assert!(stack[..hidden].iter().any(|frame| frame["function"] == "core::panicking::panic_fmt"), "{object}");
    assert!(stack[hidden..].iter().all(|frame| frame["hidden"] == false), "{object}");
    assert_eq!((&stack[hidden]["file"], &stack[hidden]["inlined"]), (&FAULTS.into(), &true.into()));
    let last = stack.last().expect("not empty");
    assert!(last["function"].as_str().is_some_and(|name| name.ends_with("endpoint_panic")), "{object}");
}

#[test]
fn faults_are_told_at_the_lines_of_the_program() {
    for (endpoint, arguments, code, text) in [
        ("null", &[][..], 10, "core::ptr::null::<u64>()"),
        ("write_readonly", &["1"], 11, ".write_volatile(value)"),
        ("unmapped", &["0x40000000"], 11, "with_exposed_provenance"),
    ] {
        let place = format!("{FAULTS}:{}", line(FAULTS, text));
        failing(endpoint, arguments, &[], code).says(&[&format!("in {endpoint} at {place}"), "calls, the innermost"]);
    }
    failing("spin", &[], &["--gas", "1000000"], 12).says(&[&format!("in spin at {FAULTS}:"), "out of gas"]);
}

#[test]
fn deep_calls_are_shown_in_part() {
    let place = format!("{FAULTS}:{}", line(FAULTS, "let below = deeper("));
    let run = failing("recurse", &["1"], &[], 11).says(&["stack overflow in faults::deeper", "calls more", &place]);
    assert!(run.stderr.lines().count() < 60, "{}", run.report());
    let object = failing("recurse", &["1"], &["--json"], 11).json();
    let stack = object["stack"].as_array().expect("a list");
    let left_out: u64 = stack.iter().filter_map(|frame| frame["left_out"].as_u64()).sum();
    // 16 KiB of stack, of which each call takes at least the eight words of its array.
    let calls = left_out + stack.iter().filter(|frame| frame["inlined"] == false).count() as u64;
    assert!((50..=16384 / 64).contains(&calls), "{calls}: {object}");
}

#[test]
fn without_symbols_places_are_offsets() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let image = folder.path().join("faults.nub");
    std::fs::copy(guest("faults"), &image).expect("copied");
    let path = image.to_str().expect("text");
    let run =
        nub(&["run", path, "-e", "panic", "-a", "1"]).expect(10).says(&["panic in pc 0x", "   0 pc 0x", "   1 pc 0x"]);
    assert!(!run.stderr.contains("main.rs"), "{}", run.report());
    let folded = folder.path().join("x.folded");
    nub(&["run", path, "-e", "panic", "-a", "1", "--profile", folded.to_str().expect("text")]).expect(10);
    let text = std::fs::read_to_string(&folded).expect("written");
    assert!(text.lines().all(|line| line.starts_with('?')), "{text}");
}

/// Runs with a profile and gives the JSON object and the stacks.
fn profile(program: &str, arguments: &[&str], code: i32) -> (Value, BTreeMap<String, u64>) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("gas.folded");
    let image = guest(program);
    let mut command = vec!["--json", "run", &image, "--profile", file.to_str().expect("text")];
    command.extend(arguments);
    let object = nub(&command).expect(code).json();
    let text = std::fs::read_to_string(&file).expect("the profile is there");
    let stacks = text.lines().map(|line| {
        let (stack, gas) = line.rsplit_once(' ').expect("a stack and its gas");
        (stack.to_string(), gas.parse().expect("a number"))
    });
    (object, stacks.collect())
}

#[test]
fn a_profile_accounts_for_all_gas() {
    for (program, arguments, code) in [
        ("fib", &["-e", "fib_recursive", "-a", "15"][..], 0),
        ("mandelbrot", &["-a", "32", "-a", "32", "-a", "50"], 0),
        ("counter", &["-e", "add", "-a", "5", "--repeat", "7"], 0),
        ("services", &["-e", "log", "-a", "0", "-a", "3", "-a", "0", "--scratchpad-hex", "616263"], 0),
        ("ed25519", &["-e", "verify", "-a", "0"], 0),
        ("faults", &["-e", "recurse", "-a", "1"], 11),
        ("faults", &["-e", "panic", "-a", "1"], 10),
        ("faults", &["-e", "spin", "--gas", "12345"], 12),
    ] {
        let (object, stacks) = profile(program, arguments, code);
        assert_eq!(object["gas_used"].as_u64(), Some(stacks.values().sum()), "{program} {arguments:?}: {stacks:#?}");
        let without = guest(program);
        let plain = nub(&[&["--json", "run", &without][..], arguments].concat()).expect(code).json();
        assert_eq!(object["gas_used"], plain["gas_used"], "a profile changes nothing");
    }
}

#[test]
fn stacks_are_the_calls_of_the_source() {
    // Each activation is one deeper than its caller; the compiler has made a loop of one of the two calls.
    let (_, stacks) = profile("fib", &["-e", "fib_recursive", "-a", "12"], 0);
    let is_recursive = |stack: &str| stack.split(';').all(|name| matches!(name, "fib::recursive" | "wrapping_add"));
    let depth = |stack: &str| stack.split(';').filter(|name| *name == "fib::recursive").count();
    let (inside, outside): (Vec<&String>, Vec<&String>) = stacks.keys().partition(|stack| is_recursive(stack));
    assert!(outside.iter().all(|stack| stack.starts_with("fib::_::endpoint")), "{outside:?}");
    let depths: std::collections::BTreeSet<usize> = inside.iter().map(|stack| depth(stack)).collect();
    assert_eq!(depths.into_iter().collect::<Vec<_>>(), (1..=12).collect::<Vec<_>>(), "{stacks:#?}");

    let (_, stacks) = profile("mandelbrot", &["-a", "32", "-a", "32", "-a", "50"], 0);
    let gas = |name: &str| -> u64 { stacks.iter().filter(|(stack, _)| stack.contains(name)).map(|(_, gas)| gas).sum() };
    assert!(stacks.contains_key("render;steps;times"), "{stacks:#?}");
    assert!(gas("steps") > gas("render") * 8 / 10, "{stacks:#?}");

    // What the kernel does is told below who asked for it.
    let (_, stacks) =
        profile("services", &["-e", "log", "-a", "0", "-a", "3", "-a", "0", "--scratchpad-hex", "616263"], 0);
    assert!(stacks.keys().any(|stack| stack.ends_with(";[kernel]")), "{stacks:#?}");
}

/// The gas of each real function, computed from a trace, is what the profile says of it and what is inlined in it.
#[test]
fn a_profile_agrees_with_a_trace() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let trace = folder.path().join("trace");
    let flag = format!("--trace={}", trace.display());
    let arguments = ["-a", "8", "-a", "8", "-a", "20"];
    let image = guest("mandelbrot");
    let object = nub(&[&["--json", "run", &image, &flag][..], &arguments].concat()).expect(0).json();
    let text = std::fs::read_to_string(&trace).expect("written");
    let mut expected: BTreeMap<&str, u64> = BTreeMap::new();
    let mut left = object["gas_limit"].as_u64().expect("a number");
    let mut asked = None;
    for line in text.lines() {
        let mut words = line.split_whitespace();
        let (_pc, gas, place) = (words.next(), words.next().expect("gas"), words.next().expect("a place"));
        let gas: u64 = gas.parse().expect("a number");
        // What an operation costs is taken behind its instruction.
        let function = asked.take().unwrap_or_else(|| place.split('+').next().expect("a name"));
        *expected.entry(function).or_insert(0) += left - gas;
        left = gas;
        if line.contains(" ecall") {
            asked = place.split('+').next();
        }
    }
    let (_, stacks) = profile("mandelbrot", &arguments, 0);
    let mut found: BTreeMap<&str, u64> = BTreeMap::new();
    for (stack, gas) in &stacks {
        let function = if stack.contains("javm_say") { "javm_say" } else { "render" };
        *found.entry(function).or_insert(0) += gas;
    }
    assert_eq!(found, expected, "{stacks:#?}");
}

#[test]
fn flame_graphs_are_written_whole_or_not_at_all() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let image = guest("fib");
    let run = |file: &std::path::Path| {
        nub(&["run", &image, "-e", "fib_recursive", "-a", "10", "--profile", file.to_str().expect("text")])
    };
    let picture = folder.path().join("gas.svg");
    run(&picture).expect(0);
    let svg = std::fs::read_to_string(&picture).expect("written");
    let gas = nub(&["--json", "run", &image, "-e", "fib_recursive", "-a", "10"]).expect(0).json()["gas_used"].as_u64();
    let grouped = |number: u64| {
        let digits = number.to_string();
        let groups: Vec<&str> =
            digits.as_bytes().rchunks(3).rev().map(|group| std::str::from_utf8(group).expect("digits")).collect();
        groups.join(",")
    };
    for part in [
        "<svg",
        "</svg>",
        "fib.nub: fib_recursive",
        "fib::recursive",
        &format!("{} gas", grouped(gas.expect("a number"))),
    ] {
        assert!(svg.contains(part), "no '{part}' in {svg:.2000}");
    }
    run(&picture).expect(0);
    assert_eq!(std::fs::read_to_string(&picture).expect("written"), svg, "the same run gives the same picture");
    assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 1, "nothing else is left");

    run(&folder.path().join("no/such/gas.svg")).expect(5).says(&["no/such/gas.svg", "the directory does not exist"]);
    run(folder.path()).expect(5).says(&["is a directory"]);
    let nothing = folder.path().join("nothing.svg");
    nub(&["run", &image, "-e", "fib", "-a", "10", "--gas", "1", "--profile", nothing.to_str().expect("text")])
        .expect(2)
        .says(&["no gas was used"]);
    assert!(!nothing.exists());
}

#[test]
fn sizes_add_up() {
    for name in ["counter", "ed25519", "faults", "fib", "mandelbrot", "registry", "services", "sieve"] {
        let image = guest(name);
        let object = nub(&["--json", "image", "inspect", "--sizes", &image]).expect(0).json();
        let sum = |list: &str, field: &str| -> u64 {
            object[list].as_array().expect("a list").iter().map(|row| row[field].as_u64().expect("a number")).sum()
        };
        let length = std::fs::metadata(&image).expect("committed").len();
        assert_eq!((object["file_bytes"].as_u64(), sum("parts", "bytes")), (Some(length), length), "{name}");
        let inspected = nub(&["--json", "image", "inspect", &image]).expect(0).json();
        assert_eq!(inspected["code"]["bytes"].as_u64(), Some(sum("functions", "bytes")), "{name}");
        assert_eq!(inspected["code"]["instructions"].as_u64(), Some(sum("functions", "instructions")), "{name}");
        let bytes: Vec<u64> =
            object["functions"].as_array().expect("a list").iter().filter_map(|row| row["bytes"].as_u64()).collect();
        assert!(bytes.is_sorted_by(|a, b| a >= b), "{name}: the largest comes first");
    }
    let image = guest("registry");
    let short = nub(&["image", "inspect", "--sizes", &image]).expect(0);
    let all = nub(&["image", "inspect", "--sizes", "--all", &image]).expect(0);
    assert!(short.stdout.contains("more; --all shows them") && !all.stdout.contains("--all shows them"));
    assert!(all.stdout.lines().count() > short.stdout.lines().count() + 100, "{}", all.report());
    nub(&["image", "inspect", "--all", &image]).expect(2).says(&["--sizes"]);
}
