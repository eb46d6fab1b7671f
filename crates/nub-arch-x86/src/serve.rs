//! Requests, and what the kernel says to them.

use alloc::string::ToString;

use nub_arch_x86_abi::reply::Refused;
use nub_arch_x86_abi::wire::Writer;
use nub_arch_x86_abi::{Reply, Request};

/// Answers the request in `bytes`.
pub(crate) fn answer(_lane: usize, bytes: &[u8], to: &mut Writer) {
    let reply = match Request::decode(bytes) {
        Ok(Request::Ping) => Reply::Done,
        Ok(_) => Reply::Refused(Refused::TestsOnly),
        Err(error) => Reply::Refused(Refused::Malformed(error.to_string())),
    };
    reply.encode(to);
}
