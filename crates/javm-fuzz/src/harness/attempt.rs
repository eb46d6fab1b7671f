//! One run of a target, and its panic as a value.

use std::cell::RefCell;
use std::fmt;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

use crate::target::{Reached, Target};

/// A panic of a target.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Failure {
    /// Where in the source, as `file:line:column`.
    pub place: String,
    pub message: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "panic at {}: {}", self.place, self.message)
    }
}

thread_local! {
    /// `Some` while a target runs on this thread: its panic is noted here instead of being printed.
    static NOTED: RefCell<Option<Option<Failure>>> = const { RefCell::new(None) };
}

/// Runs `target` on `bytes`.
pub(super) fn attempt(target: &Target, bytes: &[u8]) -> Result<Reached, Failure> {
    note_panics();
    NOTED.set(Some(None));
    let result = panic::catch_unwind(AssertUnwindSafe(|| (target.run)(bytes)));
    let noted = NOTED.take().flatten();
    result.map_err(|_| {
        // Panics that do not go through the hook are those of `resume_unwind`, which nobody calls here.
        noted.unwrap_or(Failure { place: "nowhere".into(), message: "a panic without a message".into() })
    })
}

/// Makes panics on threads where a target runs silent. All others are as before.
fn note_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            let is_target = NOTED.with_borrow_mut(|noted| match noted {
                Some(noted) => {
                    let place = info.location().map_or_else(|| "nowhere".into(), ToString::to_string);
                    let message = info.payload_as_str().unwrap_or("a panic without a message").into();
                    *noted = Some(Failure { place, message });
                    true
                }
                None => false,
            });
            if !is_target {
                before(info);
            }
        }));
    });
}
