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

/// Loads and stores of numbers, by those of bytes.
macro_rules! numbers {
    ($($load:ident $store:ident $number:ident $bytes:literal;)*) => {$(
        #[doc = concat!("Reads ", $bytes, ".")]
        ///
        /// # Errors
        /// Those of [`Memory::load`].
        #[inline(always)]
        fn $load(&mut self, address: u32) -> Result<$number, Fault> {
            self.load(address).map($number::from_le_bytes)
        }

        #[doc = concat!("Writes ", $bytes, ".")]
        ///
        /// # Errors
        /// Those of [`Memory::store`].
        #[inline(always)]
        fn $store(&mut self, address: u32, value: $number) -> Result<(), Fault> {
            self.store(address, value.to_le_bytes())
        }
    )*};
}

/// The 2^32 bytes of a running program, little-endian. Each access either happens whole or gives a [`Fault`] and changes
/// nothing. The methods take `&mut self` even to read, so that an implementation may keep a lookup cache.
pub trait Memory {
    /// Reads `N` bytes (1, 2, 4 or 8).
    ///
    /// # Errors
    /// The [`Fault`] for which nothing was read.
    fn load<const N: usize>(&mut self, address: u32) -> Result<[u8; N], Fault>;

    /// Writes `N` bytes (1, 2, 4 or 8).
    ///
    /// # Errors
    /// The [`Fault`] for which nothing was written.
    fn store<const N: usize>(&mut self, address: u32, bytes: [u8; N]) -> Result<(), Fault>;

    /// Reads `N` bytes (1, 2, 4 or 8), if that can be done at once: without a call, on a page that is known to allow it.
    /// `None` says nothing but that [`Memory::load`] has to be asked. Inlined into each of the engine's loads, so that it
    /// should be short: one lookup in a cache of pages. The default, which asks [`Memory::load`] itself, is right but
    /// makes every load save and restore registers for the call that it may contain.
    #[inline(always)]
    fn quick_load<const N: usize>(&mut self, address: u32) -> Option<[u8; N]> {
        self.load(address).ok()
    }

    /// Writes `N` bytes (1, 2, 4 or 8), if that can be done at once, and says whether it did; see
    /// [`Memory::quick_load`].
    #[inline(always)]
    fn quick_store<const N: usize>(&mut self, address: u32, bytes: [u8; N]) -> bool {
        self.store(address, bytes).is_ok()
    }

    numbers! {
        load_u8 store_u8 u8 "one byte";
        load_u16 store_u16 u16 "two bytes";
        load_u32 store_u32 u32 "four bytes";
        load_u64 store_u64 u64 "eight bytes";
    }

    /// The `sbrk` of bare programs: grows the heap by `bytes` and gives its old end, or gives 0 where there is no room
    /// or no heap. Programs in Images have no `sbrk`.
    fn sbrk(&mut self, bytes: u64) -> u64 {
        let _ = bytes;
        0
    }
}
