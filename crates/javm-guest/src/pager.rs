//! A pager: runs a child, and gives it pages of memory when it first touches them.
//!
//! A child that touches a page where nothing is mapped stops with a fault, and stands before the instruction that touched
//! it. Its owner maps something there and resumes it; the child never knows.

use crate::operation::{Access, map};
use crate::{Call, Place, Reply, Resume, Status};

/// Bytes of a page.
const PAGE: u64 = 4096;

/// What is to be seen at a page of the child's that was touched.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Mapping {
    /// The slot of the child's table with the Data.
    pub slot: u8,
    /// The page of the Data that stands there.
    pub offset: u32,
    /// How many pages, this one the first.
    pub pages: u32,
    /// What the child may do to them.
    pub access: Access,
}

/// Calls a child, and each time it touches a page that is not there maps what `supply` says, which is told the number of
/// the page (its address / 4096). Returns how the call ended.
///
/// A FAULT is an end where `supply` has nothing to give; the child stands Suspended then, and can be gone on with by
/// [`resume`].
///
/// # Errors
/// Why a mapping was refused.
pub fn call(child: Place, call: Call, supply: impl FnMut(u32) -> Option<Mapping>) -> Result<Reply, Status> {
    go_on(child, call.place(child), supply)
}

/// As [`fn@call`], of a child that stands Suspended.
///
/// # Errors
/// Why a mapping was refused.
pub fn resume(child: Place, resume: Resume, supply: impl FnMut(u32) -> Option<Mapping>) -> Result<Reply, Status> {
    go_on(child, resume.place(child), supply)
}

fn go_on(child: Place, mut reply: Reply, mut supply: impl FnMut(u32) -> Option<Mapping>) -> Result<Reply, Status> {
    while reply.status == Status::FAULT {
        let page = (reply.detail / PAGE) as u32;
        let Some(Mapping { slot, offset, pages, access }) = supply(page) else { break };
        // SAFETY: it is the child's space, not the program's own.
        unsafe { map(child.at(slot), offset, page, pages, access) }?;
        reply = Resume::new().place(child);
    }
    Ok(reply)
}
