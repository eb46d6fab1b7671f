//! Who may still see what was taken back.
//!
//! A processor keeps translations until it is told to forget them, and only it can be told by itself. So what a window
//! showed — a frame, a page of a Data — is not free when its page-table entry is gone, but when the lane whose window it was
//! has forgotten its translations *after* that. [`epochs`] says whether it has; [`quarantine`] keeps what waits for it.
//!
//! A lane that takes something back from a window of its own forgets at once, in one go for all that it took back, and
//! nothing has to wait. What another lane takes back waits here, until that lane is about to use a window the next time.

pub mod epochs;
pub mod quarantine;
