//! Compression to LZ4 blocks and back, by the `lz4_flex` crate as it is.
#![no_std]
#![cfg_attr(not(test), no_main)]

extern crate alloc;

use alloc::vec::Vec;
use core::fmt;

use javm_guest::{endpoint, memory};
use lz4_flex::block::{self, DecompressError};

memory! { stack: 64 << 10, heap: 4 << 20, scratchpad: 1 << 20 }

/// The most bytes that a call makes of a block.
const MOST: usize = 1 << 20;

/// Why a call fails.
#[derive(Debug)]
pub enum Refusal {
    /// More than [`MOST`] bytes are wanted.
    TooLong(u32),
    /// It is no block.
    Block(DecompressError),
    /// It came back as something else.
    Lost,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::TooLong(length) => write!(f, "at most {MOST} bytes are made of a block, not {length}"),
            Refusal::Block(error) => write!(f, "it is no LZ4 block: {error}"),
            Refusal::Lost => f.write_str("what was compressed came back as something else"),
        }
    }
}

/// An LZ4 block that decompresses to `bytes`.
#[endpoint]
pub fn compress(bytes: &[u8]) -> Vec<u8> {
    block::compress(bytes)
}

/// What an LZ4 block decompresses to, which is at most `most` bytes, themselves at most 2^20.
#[endpoint]
pub fn decompress(block: &[u8], most: u32) -> Result<Vec<u8>, Refusal> {
    if most as usize > MOST {
        return Err(Refusal::TooLong(most));
    }
    block::decompress(block, most as usize).map_err(Refusal::Block)
}

/// Compresses `bytes`, decompresses them again, and returns how long the block was.
#[endpoint]
pub fn round_trip(bytes: &[u8]) -> Result<u64, Refusal> {
    let block = block::compress(bytes);
    let back = block::decompress(&block, bytes.len()).map_err(Refusal::Block)?;
    if back == bytes { Ok(block.len() as u64) } else { Err(Refusal::Lost) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn it_comes_back_and_is_shorter() {
        let text = "to be or not to be, ".repeat(100);
        let block = compress(text.as_bytes());
        assert!(block.len() < 60, "{}", block.len());
        assert_eq!(decompress(&block, 2000).unwrap(), text.as_bytes());
        assert_eq!(round_trip(text.as_bytes()).unwrap(), block.len() as u64);
        assert_eq!(round_trip(b"").unwrap(), 1);
    }

    #[test]
    fn what_is_refused() {
        let block = compress(&[7; 1000]);
        let refusal = |block: &[u8], most| decompress(block, most).unwrap_err().to_string();
        assert_eq!(refusal(&block, (1 << 20) + 1), "at most 1048576 bytes are made of a block, not 1048577");
        for (wrong, most) in [(&block[..], 999), (&block[..block.len() - 1], 1000), (&[], 1000), (&[0x0f, 9, 0], 1000)]
        {
            assert!(refusal(wrong, most).starts_with("it is no LZ4 block: "), "{wrong:?}");
        }
    }
}
