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
