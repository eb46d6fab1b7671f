//! Everything that a program can ask of the kernel so far, one endpoint each.
#![no_std]
#![cfg_attr(not(test), no_main)]

use javm_guest::hash::{self, Algorithm};
use javm_guest::{Call, Identity, Scratchpad, endpoint, memory};

memory! { stack: 16 << 10, scratchpad: 64 << 10 }

/// Hashes the first `length` bytes of the scratchpad by method `method` of HASH (0 BLAKE2b-256, 1 Keccak-256, 2 SHA-256)
/// into its last 32 bytes. Returns the digest's first eight bytes, little endian.
#[endpoint]
fn hash(method: u64, length: u64) -> Result<u64, &'static str> {
    let algorithm = match method {
        0 => Algorithm::Blake2b256,
        1 => Algorithm::Keccak256,
        2 => Algorithm::Sha256,
        _ => return Err("there are methods 0, 1 and 2"),
    };
    let mut scratchpad = Scratchpad::take_rest();
    let end = scratchpad.len() - hash::DIGEST_BYTES;
    scratchpad.hash(algorithm, 0..length as usize, end).map_err(|_| "more than the scratchpad")?;
    Ok(u64::from_le_bytes(scratchpad[end..][..8].try_into().unwrap_or_default()))
}

/// Logs `length` bytes of the scratchpad from `offset` on under `topic`. Returns the status.
#[endpoint]
fn log(offset: u64, length: u64, topic: u64) -> u64 {
    // SAFETY: LOG only reads.
    let call = unsafe { Call::method(0).arguments([offset, length, topic, 0]).with_scratchpad() };
    status(call.slot::<{ javm_guest::log::SLOT }>())
}

/// The status of calling method `method` of LOG (`service` 1), HASH (2) or of an empty slot (any other).
#[endpoint(name = "status")]
fn status_of(service: u64, method: u64) -> u64 {
    // SAFETY: nothing refers to the scratchpad.
    let call = unsafe { Call::method(method as u16).with_scratchpad() };
    status(match service {
        1 => call.slot::<{ javm_guest::log::SLOT }>(),
        2 => call.slot::<{ hash::SLOT }>(),
        _ => call.slot::<200>(),
    })
}

fn status(outcome: Result<u64, javm_guest::Status>) -> u64 {
    outcome.map_or_else(javm_guest::Status::number, |_| 0)
}

/// The gas that is left.
#[endpoint]
fn gas() -> u64 {
    javm_guest::gas()
}

/// Word `index` (0 to 7) of what SELF tells about this call (the lowest byte of word 0 is how it came: 3, from the host).
#[endpoint(name = "self")]
fn whoami(index: u64) -> Result<u64, &'static str> {
    let identity = Identity::read().map_err(|_| "SELF was refused")?;
    identity.words().get(index as usize).copied().ok_or("there are words 0 to 7")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_those_that_are_published() {
        let mut scratchpad = [0; 64];
        scratchpad[..3].copy_from_slice(b"abc");
        for (method, start) in [(0, [0xbd, 0xdd]), (1, [0x4e, 0x03]), (2, [0xba, 0x78])] {
            javm_guest::test::set_scratchpad(&scratchpad);
            assert_eq!(hash(method, 3).map(|digest| digest.to_le_bytes()[..2] == start), Ok(true));
        }
        assert_eq!(hash(3, 0), Err("there are methods 0, 1 and 2"));
        assert_eq!(hash(0, 65), Err("more than the scratchpad"));
    }

    #[test]
    fn refusals_have_numbers() {
        assert_eq!([status_of(1, 0), status_of(1, 1), status_of(2, 3), status_of(3, 0)], [0, 20, 20, 16]);
        assert_eq!(log(1 << 20, 1, 0), 23);
        assert_eq!((whoami(0), whoami(8)), (Ok(3), Err("there are words 0 to 7")));
    }
}
