//! What an engine sees of memory.

/// Why an access did not happen. Nothing of it has: not even the bytes on a page that would have allowed it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// The access touches an address below 2^16 (also by running past 2^32): the program panics.
    Panic,
    /// The lowest page that forbids the access, as the address of its first byte.
    Page(u32),
}

/// The lowest address that an access may touch; everything below panics.
pub const LOWEST_ADDRESS: u32 = 1 << 16;

/// The size of a page in bytes.
pub const PAGE_SIZE: u32 = 4096;

/// The 2^32 bytes of a running program, little-endian. Each access either happens whole or gives a [`Fault`] and changes
/// nothing. The methods take `&mut self` even to read, so that an implementation may keep a lookup cache.
pub trait Memory {
    /// Reads one byte.
    fn load_u8(&mut self, address: u32) -> Result<u8, Fault>;
    /// Reads two bytes.
    fn load_u16(&mut self, address: u32) -> Result<u16, Fault>;
    /// Reads four bytes.
    fn load_u32(&mut self, address: u32) -> Result<u32, Fault>;
    /// Reads eight bytes.
    fn load_u64(&mut self, address: u32) -> Result<u64, Fault>;
    /// Writes one byte.
    fn store_u8(&mut self, address: u32, value: u8) -> Result<(), Fault>;
    /// Writes two bytes.
    fn store_u16(&mut self, address: u32, value: u16) -> Result<(), Fault>;
    /// Writes four bytes.
    fn store_u32(&mut self, address: u32, value: u32) -> Result<(), Fault>;
    /// Writes eight bytes.
    fn store_u64(&mut self, address: u32, value: u64) -> Result<(), Fault>;

    /// Reads `N` bytes (1, 2, 4 or 8), if that can be done at once: without a call, on a page that is known to allow it.
    /// `None` says nothing but that the `load` method of that width has to be asked. Inlined into each of the engine's
    /// loads, so that it should be short: one lookup in a cache of pages. The default, which asks the `load` method
    /// itself, is right but makes every load save and restore registers for the call that it may contain.
    #[inline(always)]
    fn quick_load<const N: usize>(&mut self, address: u32) -> Option<[u8; N]> {
        match N {
            1 => self.load_u8(address).ok().map(|value| resize(value.to_le_bytes())),
            2 => self.load_u16(address).ok().map(|value| resize(value.to_le_bytes())),
            4 => self.load_u32(address).ok().map(|value| resize(value.to_le_bytes())),
            8 => self.load_u64(address).ok().map(|value| resize(value.to_le_bytes())),
            _ => None,
        }
    }

    /// Writes `N` bytes (1, 2, 4 or 8), if that can be done at once, and says whether it did; see
    /// [`Memory::quick_load`].
    #[inline(always)]
    fn quick_store<const N: usize>(&mut self, address: u32, bytes: [u8; N]) -> bool {
        let stored = match N {
            1 => self.store_u8(address, u8::from_le_bytes(resize(bytes))),
            2 => self.store_u16(address, u16::from_le_bytes(resize(bytes))),
            4 => self.store_u32(address, u32::from_le_bytes(resize(bytes))),
            8 => self.store_u64(address, u64::from_le_bytes(resize(bytes))),
            _ => return false,
        };
        stored.is_ok()
    }

    /// The `sbrk` of bare programs: grows the heap by `bytes` and gives its old end, or gives 0 where there is no room
    /// or no heap. Programs in Images have no `sbrk`.
    fn sbrk(&mut self, bytes: u64) -> u64 {
        let _ = bytes;
        0
    }
}

/// The same bytes; the lengths are equal, which the type system does not know.
#[inline(always)]
fn resize<const FROM: usize, const TO: usize>(bytes: [u8; FROM]) -> [u8; TO] {
    let mut resized = [0; TO];
    for (to, from) in resized.iter_mut().zip(bytes) {
        *to = from;
    }
    resized
}
