//! Everything that a program can ask of the kernel so far, one endpoint each.
#![no_std]
#![no_main]

use nub_guest_support::call::{self, HASH_SERVICE, LOG_SERVICE, OK, SCRATCH};

nub_guest_support::memory! { stack 16384, heap 0, scratchpad 65536 }

nub_guest_support::import! {
    LOG: slot 16, service LOG_SERVICE, optional
    HASH: slot 17, service HASH_SERVICE, optional
}

/// Where `hash` puts the digest: the scratchpad's last 32 bytes.
const DIGEST: usize = 65536 - 32;

nub_guest_support::endpoint! {
    /// Hashes the first `length` bytes of the scratchpad by method `method` of HASH (0 BLAKE2b-256, 1 Keccak-256,
    /// 2 SHA-256) into its last 32 bytes. Returns the digest's first eight bytes, little endian; a refusal panics.
    fn hash(method, length) {
        let reply = call::call::<HASH>(method as u16, SCRATCH, [0, length, DIGEST as u64, 0]);
        assert!(reply.status == OK);
        // SAFETY: nothing else refers to the scratchpad.
        let scratchpad = unsafe { &*call::scratchpad() };
        u64::from_le_bytes(scratchpad[DIGEST..DIGEST + 8].try_into().unwrap_or_default())
    }

    /// Logs `length` bytes of the scratchpad from `offset` on under `topic`. Returns the status.
    fn log(offset, length, topic) {
        call::call::<LOG>(0, SCRATCH, [offset, length, topic, 0]).status
    }

    /// The status of calling method `method` of LOG (`service` 1), HASH (2) or of an empty slot (any other).
    fn status(service, method) {
        let reply = match service as u32 {
            LOG_SERVICE => call::call::<LOG>(method as u16, SCRATCH, [0; 4]),
            HASH_SERVICE => call::call::<HASH>(method as u16, SCRATCH, [0; 4]),
            _ => call::call::<200>(method as u16, SCRATCH, [0; 4]),
        };
        reply.status
    }

    /// The gas that is left.
    fn gas() {
        call::gas()
    }

    /// Word `index` (0 to 7) of what SELF tells about this call (the lowest byte of word 0 is how it came: 3, from the
    /// host); a refusal panics.
    "self" fn whoami(index) {
        let Ok(record) = call::whoami() else { panic!("SELF was refused") };
        u64::from_le_bytes(record[index as usize * 8..][..8].try_into().unwrap_or_default())
    }
}
