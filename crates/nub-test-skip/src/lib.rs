//! Tests that this computer cannot run say so where it is seen.
//!
//! The test harness keeps what a test that passes prints with `eprintln!` to itself, so that a skipped test looks like one
//! that has passed. What is said here goes to standard error itself, once for each reason and test binary.
//!
//! Where tests are meant to have KVM, `NUB_REQUIRE_KVM=1` makes it a failure that there is none.
#![forbid(unsafe_code)]

use std::collections::BTreeSet;
use std::fmt::Display;
use std::io::Write as _;
use std::sync::Mutex;

/// With the value 1, tests in a virtual machine fail where there is none, instead of being skipped.
pub const REQUIRE_KVM: &str = "NUB_REQUIRE_KVM";

/// Says that `what` is not tested here, and why.
pub fn skipped(what: &str, why: &dyn Display) {
    static SAID: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    let line = format!("skipped in {}: {what}: {why}", binary());
    let mut said = SAID.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if !said.contains(&line) {
        // The harness looks at the printing macros only. In one piece, as other threads print, too. A closed standard error is
        // no reason to fail.
        let _ = std::io::stderr().write_all(format!("{line}\n").as_bytes());
        said.insert(line);
    }
}

/// [`skipped`], for what needs a virtual machine that cannot be had because of `why`.
///
/// # Panics
/// Where [`REQUIRE_KVM`] says that there has to be one.
pub fn without_kvm(why: &dyn Display) {
    if kvm_is_required() {
        panic!("{REQUIRE_KVM}=1, but there is no virtual machine: {why}");
    }
    skipped("everything in a virtual machine", why);
}

/// Whether the environment says that there has to be a virtual machine.
///
/// # Panics
/// If the variable is set to something else than 0 or 1: a test that misunderstood it would mislead.
#[must_use]
pub fn kvm_is_required() -> bool {
    match std::env::var(REQUIRE_KVM).as_deref() {
        Err(_) | Ok("" | "0") => false,
        Ok("1") => true,
        Ok(other) => panic!("{REQUIRE_KVM} is {other:?}; it can be 0 or 1"),
    }
}

/// The name of this test binary, without the hash that cargo puts behind it.
fn binary() -> String {
    let path = std::env::current_exe().unwrap_or_default();
    let name = path.file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    match name.rsplit_once('-') {
        Some((name, hash)) if hash.len() == 16 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()) => name.into(),
        _ => name,
    }
}
