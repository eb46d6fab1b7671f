//! Certifies that something was signed before a block: the services BLOCK and VERIFY, one endpoint each.
#![no_std]
#![cfg_attr(not(test), no_main)]

extern crate alloc;

use alloc::vec::Vec;

use javm_guest::{Address, block, endpoint, memory, verify};

memory! { stack: 16 << 10, heap: 16 << 10, scratchpad: 64 << 10 }

/// The height of the block, and the root of the state before it.
#[endpoint]
fn when() -> (u64, Address) {
    (block::height(), Address(block::prior()))
}

/// Whether an Ed25519 signature of a message is valid.
#[endpoint]
fn ed25519(key: Address, signature: &[u8], message: &[u8]) -> Result<bool, &'static str> {
    let signature = signature.try_into().map_err(|_| "a signature has 64 bytes")?;
    Ok(verify::ed25519(&key.0, signature, message))
}

/// The key, x and y, whose secp256k1 signature of a hash this is: r, s and v, which is 0 to 3.
#[endpoint]
fn secp256k1(hash: Address, signature: &[u8]) -> Result<Option<Vec<u8>>, &'static str> {
    let signature = signature.try_into().map_err(|_| "a signature has 65 bytes")?;
    Ok(verify::secp256k1(&hash.0, signature).map(Vec::from))
}
