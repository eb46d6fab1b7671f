//! VERIFY: signatures, checked by the kernel for a fraction of what that costs in a program.
//!
//! A program that calls one of these wants VERIFY in slot [`SLOT`], and does not start without it. It is not there as host
//! code: calls panic and say so, unless a test lets something [stand in](crate::test::stand_in) for it.

#[cfg(not(target_os = "none"))]
use crate::Status;
use crate::machine::import;
use crate::{Call, Scratchpad};

/// The slot in which this crate wants VERIFY.
pub const SLOT: u8 = 19;

/// The id of the service.
pub const SERVICE: u32 = crate::service::VERIFY;

/// Bytes of a key of secp256k1: x and y.
const KEY_BYTES: usize = 64;

/// Whether an Ed25519 signature of the message is valid, by the rules of ZIP 215.
///
/// # Panics
/// If what is left of the scratchpad has no room for key, signature and message.
#[must_use]
pub fn ed25519(key: &[u8; 32], signature: &[u8; 64], message: &[u8]) -> bool {
    let room = filled([key, signature, message], 0);
    // SAFETY: it only reads.
    let call = unsafe { Call::method(0).arguments(place(&room)).with_scratchpad() };
    accepted(call)
}

/// The key, x and y, whose secp256k1 signature of the hash this is: r, s and v, which is 0 to 3. `None` where no key has
/// made it.
///
/// # Panics
/// If what is left of the scratchpad has no room for 161 bytes.
#[must_use]
pub fn secp256k1(hash: &[u8; 32], signature: &[u8; 65]) -> Option<[u8; KEY_BYTES]> {
    let room = filled([hash, signature, &[]], KEY_BYTES);
    let [offset, length, ..] = place(&room);
    let length = length - KEY_BYTES as u64;
    // SAFETY: the key goes to the end of `room`, which nobody refers to during the call.
    let call = unsafe { Call::method(1).arguments([offset, length, offset + length, 0]).with_scratchpad() };
    accepted(call).then(|| {
        let mut key = [0; KEY_BYTES];
        key.copy_from_slice(&room[length as usize..]);
        key
    })
}

/// These parts in the scratchpad, one behind the other, and room for so many bytes more.
fn filled(parts: [&[u8]; 3], more: usize) -> Scratchpad {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let Some(mut room) = Scratchpad::take(length + more) else {
        panic!("no room to verify {length} bytes: the scratchpad has {} bytes, too few are left", Scratchpad::mapped())
    };
    let mut at = 0;
    for part in parts {
        room[at..at + part.len()].copy_from_slice(part);
        at += part.len();
    }
    room
}

fn place(room: &Scratchpad) -> [u64; 4] {
    [room.offset() as u64, room.len() as u64, 0, 0]
}

fn accepted(call: Call) -> bool {
    import!(slot SLOT, service SERVICE, required true);
    match call.slot::<SLOT>() {
        Ok(valid) => valid != 0,
        #[cfg(not(target_os = "none"))]
        Err(Status::EMPTY) => panic!("VERIFY is the kernel's, and this is host code: test what needs it in nub"),
        Err(status) => panic!("VERIFY refused: {status}"),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    #[should_panic(expected = "VERIFY is the kernel's, and this is host code")]
    fn host_code_says_that_it_is_missing() {
        let _ = super::ed25519(&[0; 32], &[0; 64], b"message");
    }

    #[test]
    #[should_panic(expected = "no room to verify 196 bytes: the scratchpad has 195 bytes, too few are left")]
    fn too_little_room() {
        crate::test::set_scratchpad(&[0; 195]);
        let _ = super::ed25519(&[0; 32], &[0; 64], &[0; 100]);
    }
}
