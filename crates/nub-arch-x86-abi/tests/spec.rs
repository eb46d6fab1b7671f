//! `docs/spec/abi.md` against the definitions in the code.

use std::mem::offset_of;

use nub_arch_x86_abi::slot::{BUFFER_OFFSET, Slot};
use nub_arch_x86_abi::trap::REPORT_OFFSET;
use nub_arch_x86_abi::{ABI_VERSION, BootInfo};

const PAGE: &str = include_str!("../../../docs/spec/abi.md");

#[test]
fn the_page_has_the_numbers_of_the_code() {
    for sentence in [
        format!("Version {ABI_VERSION}."),
        format!("| 0 | 4 | version of this interface: {ABI_VERSION} |"),
        format!("| {} | 4 | version: {ABI_VERSION} |", offset_of!(BootInfo, version)),
        format!("| {} | 32 | seed of everything random", offset_of!(BootInfo, seed)),
        format!("| {} | 4 | 1 if the guest is to write its log |", offset_of!(BootInfo, log)),
        format!("| {} | 4 | 1 while the lane sleeps", offset_of!(Slot, guest_sleeps)),
        format!("| {} | 4 | state:", offset_of!(Slot, state)),
        format!("| {} | 4 | number of the request", offset_of!(Slot, sequence)),
        format!("the head, right behind it at {BUFFER_OFFSET} the buffer"),
        format!("at {REPORT_OFFSET}, the report of the guest's end"),
    ] {
        assert!(PAGE.contains(&sentence), "docs/spec/abi.md does not say: {sentence}");
    }
}
