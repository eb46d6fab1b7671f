//! The tests run this binary again, as a harness whose tests pass, and look at what a person would see.

use std::process::{Command, Output};

use nub_test_skip::REQUIRE_KVM;

/// A test that only does something when [`run_again`] has started it.
const CHILD: &str = "NUB_TEST_SKIP_CHILD";

#[test]
fn child() {
    if std::env::var_os(CHILD).is_some() {
        eprintln!("kept by the harness");
        nub_test_skip::without_kvm(&"no device");
        nub_test_skip::without_kvm(&"no device");
        nub_test_skip::skipped("timing", &"one core");
    }
}

fn run_again(required: &str) -> (bool, String) {
    let mut command = Command::new(std::env::current_exe().expect("it runs"));
    command.args(["child", "--exact"]).env(CHILD, "1").env(REQUIRE_KVM, required);
    let Output { status, stdout, stderr } = command.output().expect("it starts");
    (status.success(), format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr)))
}

#[test]
fn what_is_skipped_is_seen_once_although_the_test_passes() {
    for required in ["", "0"] {
        let (passed, text) = run_again(required);
        assert!(passed && !text.contains("kept by the harness"), "{text}");
        assert_eq!(text.matches("skipped in said: everything in a virtual machine: no device\n").count(), 1, "{text}");
        assert_eq!(text.matches("skipped in said: timing: one core\n").count(), 1, "{text}");
    }
}

#[test]
fn it_is_a_failure_where_there_has_to_be_kvm() {
    let (passed, text) = run_again("1");
    assert!(!passed && text.contains("NUB_REQUIRE_KVM=1, but there is no virtual machine: no device"), "{text}");
    let (passed, text) = run_again("yes");
    assert!(!passed && text.contains("NUB_REQUIRE_KVM is \"yes\"; it can be 0 or 1"), "{text}");
}
