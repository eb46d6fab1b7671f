//! Typed arguments and results: the endpoints' signatures, as programs in Rust and C declare them.

use serde_json::{Value, json};

use super::{guest, nub};

const ADA: &str = "0x0101010101010101010101010101010101010101010101010101010101010101";

/// A call of the registry, as JSON.
fn registry(endpoint: &str, arguments: &[&str]) -> Value {
    let image = guest("registry");
    let arguments = arguments.iter().flat_map(|argument| ["--arg", argument]);
    let line: Vec<&str> = ["--json", "run", &image, "-e", endpoint].into_iter().chain(arguments).collect();
    nub(&line).expect(0).json()
}

#[test]
fn arguments_and_results_have_types() {
    // Once for each argument, or all in one array; texts and hexadecimal digits with quotes or without.
    for arguments in [
        &["a name", ADA, "0x0102"][..],
        &["\"a name\"", &format!("{ADA:?}"), "\"0x0102\""],
        &[&format!("[\"a name\", {ADA:?}, \"0x0102\"]")],
    ] {
        assert_eq!(registry("set", arguments)["result"], Value::Null, "there was no value before");
    }
    assert_eq!(registry("names", &["", "5"])["result"], json!([]));
    assert_eq!(registry("get", &["a name"])["result"], Value::Null);
    assert_eq!(registry("len", &[])["result"], 0);
    // SHA-256 of nothing, as FIPS 180-4 gives it.
    let digest = registry("digest", &[]);
    assert_eq!(digest["result"], "0xe3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_eq!(digest["value"], 32, "φ7 is its length");
}

#[test]
fn values_are_printed() {
    let image = guest("registry");
    let line = ["run", &image, "--repeat", "2", "-e", "set", "--arg", "n", "--arg", ADA, "--arg", "0x0a"];
    let run = nub(&line).expect(0);
    assert!(run.stdout.starts_with("result  \"0x0a\"\n"), "{}", run.report());
    let run = nub(&["run", &guest("counter"), "-e", "reset"]).expect(0);
    assert!(run.stdout.starts_with("result  0\n"), "{}", run.report());
    let c = nub(&["--json", "run", &guest("mandelbrot"), "-a", "[4, 3, 10]"]).expect(0).json();
    assert_eq!(c["result"], c["value"]);
}

#[test]
fn wrong_arguments_are_refused_before_the_call() {
    let registry = guest("registry");
    let counter = guest("counter");
    let of_registry = |arguments: &[&str], says: &[&str]| {
        let line: Vec<&str> = ["run", &registry].into_iter().chain(arguments.iter().copied()).collect();
        nub(&line).expect(2).says(says);
    };
    of_registry(&["-e", "get"], &["0 arguments are given", "get(name: string) -> option<Entry>"]);
    of_registry(&["-e", "set", "-a", "[[1], 2, 3]"], &["name: a string is wanted, not an array"]);
    of_registry(&["-e", "names", "-a", "x", "-a", "70000"], &["count: 70000 does not fit into u16 (0 to 65535)"]);
    of_registry(&["-e", "names", "-a", "[\"x\"]"], &["1 arguments are given"]);
    of_registry(&["-e", "names", "-a", "[\"x\", }"], &["this is no JSON"]);
    of_registry(&["-e", "set", "-a", "x", "-a", "0x01", "-a", "0x"], &["owner: 32 bytes are wanted, but there are 1"]);
    nub(&["run", &counter, "-e", "add", "-a", "-1"]).expect(2).says(&["n: -1 does not fit into u64"]);
    nub(&["run", &counter, "-e", "add", "-a", "1_0x"]).expect(2).says(&["\"1_0x\" is no integer"]);
    nub(&["run", &registry, "-e", "get", "-a", "x", "--scratchpad-hex", "00"])
        .expect(4)
        .says(&["the arguments travel in the scratchpad"]);
}

#[test]
fn raw_calls_pass_registers() {
    let counter = guest("counter");
    let run = nub(&["--json", "run", &counter, "-e", "add", "--raw", "--arg", "-1"]).expect(0).json();
    assert_eq!((run["value"].as_u64(), &run["result"]), (Some(u64::MAX), &Value::Null));
    nub(&["run", &counter, "-e", "add", "--raw", "--arg", "x"])
        .expect(2)
        .says(&["not an integer", "add(n: u64) -> u64"]);
    // What the program itself says of arguments that are none.
    let run = nub(&["run", &guest("registry"), "-e", "get", "--raw", "-a", "999999"]).expect(10);
    assert!(run.stdout.contains("get was called with wrong arguments: φ7: 999999 bytes"), "{}", run.report());
}

#[test]
fn inspect_shows_signatures() {
    let text = nub(&["image", "inspect", &guest("registry")]).expect(0).stdout;
    assert!(text.contains("set(name: string, owner: address32, value: bytes) -> option<bytes>"), "{text}");
    assert!(text.contains("struct Entry { owner: address32, value: bytes, changes: u32 }"), "{text}");
    let object = nub(&["--json", "image", "inspect", &guest("mandelbrot")]).expect(0).json();
    assert_eq!(object["endpoints"][0]["signature"], "render(width: u64, height: u64, max_iter: u64) -> u64");
}
