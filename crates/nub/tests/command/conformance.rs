//! `nub conformance`.

use super::{nub, repository};

#[test]
fn every_public_vector_passes() {
    let vectors = repository().join("testdata/pvm");
    let run = nub(&["conformance", vectors.to_str().expect("text")]).expect(0);
    assert_eq!(run.stdout, "152 passed, 0 failed\n");
    let json = nub(&["--json", "conformance", vectors.to_str().expect("text")]).expect(0);
    assert_eq!(json.stdout.lines().count(), 153);
    let last: serde_json::Value = serde_json::from_str(json.stdout.lines().last().expect("a line")).expect("an object");
    assert_eq!((&last["passed"], &last["failed"]), (&152.into(), &0.into()));
}

#[test]
fn a_vector_with_a_wrong_expectation_fails() {
    let folder = tempfile::tempdir().expect("a folder");
    let source = repository().join("testdata/pvm/inst_add_32_with_truncation.json");
    let text = std::fs::read_to_string(source).expect("committed");
    let path = folder.path().join("wrong.json");
    std::fs::write(&path, text.replace("\"expected-gas\": 9998", "\"expected-gas\": 9997")).expect("written");
    let run = nub(&["conformance", folder.path().to_str().expect("text")]).expect(1);
    assert!(run.stdout.contains("FAILED inst_add_32_with_truncation"), "{}", run.report());
    assert!(run.stdout.contains("gas: 9998 instead of 9997"), "{}", run.report());
    assert!(run.stdout.ends_with("0 passed, 1 failed\n"), "{}", run.report());
}

#[test]
fn malformed_vectors_are_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let name = folder.path().to_str().expect("text");
    nub(&["conformance", name]).expect(3).says(&[name, "no test vectors"]);
    let path = folder.path().join("bad.json");
    for (content, reason) in
        [("{", "EOF"), ("[]", "invalid"), ("{\"name\": 5}", "expected a string"), ("{\"nam\": \"x\"}", "nam")]
    {
        std::fs::write(&path, content).expect("written");
        nub(&["conformance", name]).expect(3).says(&["bad.json", reason, "hint: a test vector is"]);
    }
}

/// Those of the capability layer.
#[test]
fn every_vector_of_the_capability_layer_passes() {
    let vectors = repository().join("vectors");
    let run = nub(&["conformance", vectors.to_str().expect("text")]).expect(0);
    let last = run.stdout.lines().last().expect("a line");
    let passed: u32 = last.strip_suffix(" passed, 0 failed").expect("all of them").parse().expect("a number");
    assert!(passed > 300, "{last}");
}

/// Wherever a byte of what is expected is another one, or one of the program, it is seen.
#[test]
fn a_changed_byte_fails() {
    let folder = tempfile::tempdir().expect("a folder");
    let source = repository().join("vectors/operations/copy.json");
    let text = std::fs::read_to_string(source).expect("committed");
    let path = folder.path().join("changed.json");
    let run = |text: &str| {
        std::fs::write(&path, text).expect("written");
        nub(&["conformance", "--arch", "local", folder.path().to_str().expect("text")])
    };
    let changed = text.rfind("\"hashes\":{\"/").expect("something has changed");
    let changed = &text[changed + "\"hashes\":{".len()..];
    let changed = &changed[..changed.find(":\"").expect("a hash") + 2];
    for field in ["\"status\":\"", "\"value\":\"0x", "\"gas_left\":", "\"root\":\"", changed, "\"detail\":\"0x"] {
        let at = text.rfind(field).expect(field) + field.len();
        let other = if text.as_bytes()[at] == b'1' { "2" } else { "1" };
        let changed = format!("{}{other}{}", &text[..at], &text[at + 1..]);
        let run = run(&changed).expect(1);
        assert!(run.stdout.contains("FAILED") && run.stdout.contains("instead of"), "{field}: {}", run.report());
    }
    // Programs go by their hashes.
    let at = text.find("\"encoding\":\"").expect("an Image") + 300;
    let other = if text.as_bytes()[at] == b'1' { "2" } else { "1" };
    run(&format!("{}{other}{}", &text[..at], &text[at + 1..])).expect(3).says(&["changed.json", "Image"]);
    run(&text.replace("\"version\": 3", "\"version\": 2")).expect(3).says(&["version 2", "hint: a test vector"]);
    // What would check nothing.
    let at = |field: &str| text.find(field).expect(field);
    let nothing = format!("{}],\"version\": 3}}", &text[..at("\"vectors\": [") + "\"vectors\": [".len()]);
    run(&nothing).expect(3).says(&["neither vectors nor values", "hint: a test vector"]);
    let (calls, first) = (at("{\"calls\":[") + "{\"calls\":[".len(), at("\"name\":"));
    run(&format!("{}],{}", &text[..calls], &text[first..])).expect(3).says(&["no calls", "hint: a test vector"]);
    // A chain that there is not, in the same place of another file.
    let text = std::fs::read_to_string(repository().join("vectors/operations/write.json")).expect("committed");
    run(&text.replace("\"depth\":64", "\"depth\":65")).expect(3).says(&["QUOTA", "a depth of 65 frames"]);
}
