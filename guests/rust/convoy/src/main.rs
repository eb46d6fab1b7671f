//! Passes a scratchpad of 64 MiB on to the next program, which is in slot 20, and looks at some of it.
#![no_std]
#![cfg_attr(not(test), no_main)]

use javm_guest::{Call, Place, Scratchpad, Status, endpoint, memory, operation};

memory! { stack: 4 << 10, scratchpad: 64 << 20 }

const NEXT: Place = Place::slot(20);

/// The sum of a byte of the scratchpad, of the one behind it as the next program sees it, and so on to the last program.
#[endpoint]
fn carry(offset: u64) -> Result<u64, Status> {
    let byte = Scratchpad::take_rest()[offset as usize];
    let rest = match operation::stat(NEXT) {
        Err(_) => 0,
        Ok(_) => {
            // SAFETY: nobody has a part of the scratchpad.
            let call = unsafe { Call::method(0).arguments([offset + 1, 0, 0, 0]).with_scratchpad() };
            call.place(NEXT).ok()?
        }
    };
    Ok(u64::from(byte) + rest)
}

/// As [`carry`], of what has come as a gift, which goes back as one.
#[endpoint]
fn deliver(offset: u64) -> Result<u64, Status> {
    // SAFETY: nobody has a part of the scratchpad that is exchanged here.
    let scratchpad = unsafe { Place::of_memory(0) };
    operation::drop(scratchpad)?;
    operation::move_(Place::GIFT, scratchpad)?;
    let sum = carry(offset)?;
    operation::move_(scratchpad, Place::GIFT)?;
    operation::new_data(1, scratchpad)?;
    Ok(sum)
}

/// As [`deliver`], after a byte has been written.
#[endpoint]
fn stamp(offset: u64, byte: u8) -> Result<u64, Status> {
    // SAFETY: as in `deliver`.
    let scratchpad = unsafe { Place::of_memory(0) };
    operation::drop(scratchpad)?;
    operation::move_(Place::GIFT, scratchpad)?;
    Scratchpad::take_rest()[offset as usize] = byte;
    operation::move_(scratchpad, Place::GIFT)?;
    operation::new_data(1, scratchpad)?;
    Ok(0)
}
