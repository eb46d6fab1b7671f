//! Records in sections of their own, which the linker reads and then drops. `docs/spec/linker.md` is the norm.
//!
//! As host code the macros check what they are given, and leave nothing behind.

/// One entry of section `.nub.endpoints`: 64 bytes, little endian.
#[repr(C)]
pub struct Endpoint {
    entry: *const (),
    version: u8,
    name_length: u8,
    arity: u8,
    reserved: [u8; 5],
    name: [u8; 48],
}

// SAFETY: never read by the program; the pointer is there for the linker to see as a relocation.
unsafe impl Sync for Endpoint {}

impl Endpoint {
    /// A record for the function at `entry`. The name is one that [`Signature::check`] lets through.
    ///
    /// [`Signature::check`]: crate::types::Signature::check
    #[must_use]
    pub const fn new(entry: *const (), name: &str, arity: u8) -> Self {
        let bytes = name.as_bytes();
        let mut padded = [0; 48];
        let mut i = 0;
        while i < bytes.len() {
            padded[i] = bytes[i];
            i += 1;
        }
        Self { entry, version: 1, name_length: bytes.len() as u8, arity, reserved: [0; 5], name: padded }
    }
}

/// One entry of section `.nub.imports`: 8 bytes, little endian.
#[repr(C)]
pub struct Import {
    version: u8,
    slot: u8,
    kind: u8,
    required: u8,
    service: u32,
}

impl Import {
    /// Wants service `service` in slot `slot`.
    #[must_use]
    pub const fn service(slot: u8, service: u32, required: bool) -> Self {
        assert!(slot >= 4, "slots 0 to 3 are the scratchpad, the gift, the constants and the variables");
        assert!(slot != 16 || service == crate::log::SERVICE, "slot 16 is LOG's");
        assert!(slot != 17 || service == crate::hash::SERVICE, "slot 17 is HASH's");
        Self { version: 1, slot, kind: 1, required: required as u8, service }
    }
}

/// The one entry of section `.nub.memory`: 16 bytes, little endian.
#[repr(C)]
pub struct Memory {
    /// The version of the record.
    pub version: u32,
    /// Bytes of stack.
    pub stack: u32,
    /// Bytes of heap, zero at each call.
    pub heap: u32,
    /// Bytes of scratchpad.
    pub scratchpad: u32,
}

impl Memory {
    /// What the linker takes without a record.
    pub const DEFAULT: Memory = Memory { version: 1, stack: 65536, heap: 0, scratchpad: 0 };
}

/// Says how much memory the program needs, in bytes, rounded up to pages: `memory! { stack: 65536, heap: 0,
/// scratchpad: 4096 }`. What is left out is as here, but 0 for the scratchpad. At most once in a program.
///
/// - `stack` and `heap` are zero at each call; what is not touched costs nothing. Together with what else is zero at each
///   call they are at most 2^24 bytes. `heap` is where `Box`, `Vec` and maps live, unless there is a
///   [`persistent_heap!`](crate::persistent_heap).
/// - `scratchpad` is how much the program sees of what a caller gives, and how much it can give back: arguments and
///   results that are no scalars, log lines, bytes to hash. A program without any is silent when it panics.
///
/// ```
/// javm_guest::memory! { heap: 1 << 20, scratchpad: 64 * 1024 }
/// ```
#[macro_export]
macro_rules! memory {
    ($($field:ident: $bytes:expr),* $(,)?) => {
        const _: () = {
            const MEMORY: $crate::record::Memory =
                $crate::record::Memory { $($field: $bytes,)* ..$crate::record::Memory::DEFAULT };
            $crate::__record!(".nub.memory", $crate::record::Memory, MEMORY);
        };
    };
}

/// Asks for a Service: `import! { pub CLOCK: slot 20, service 7, required }` also defines the constant `CLOCK`, the slot
/// to call. `optional` instead of `required` is a program that starts without it, and finds the slot empty. Slots are 4 to
/// 255; 16 and 17 are where this crate wants LOG and HASH, by itself.
///
/// ```
/// javm_guest::import! {
///     /// What else there may be.
///     ORACLE: slot 20, service 1000, optional
/// }
/// assert_eq!(javm_guest::Call::method(0).slot::<ORACLE>(), Err(javm_guest::Status::EMPTY));
/// ```
#[macro_export]
macro_rules! import {
    ($($(#[$doc:meta])* $visible:vis $name:ident: slot $slot:expr, service $service:expr, $need:ident)*) => { $(
        $(#[$doc])*
        $visible const $name: u8 = $slot;

        const _: () = {
            const IMPORT: $crate::record::Import =
                $crate::record::Import::service($name, $service, $crate::import!(@need $need));
            $crate::__record!(".nub.imports", $crate::record::Import, IMPORT);
        };
    )* };
    (@need required) => { true };
    (@need optional) => { false };
}

/// Puts a constant into a section.
#[cfg(target_os = "none")]
#[doc(hidden)]
#[macro_export]
macro_rules! __record {
    ($section:literal, $ty:ty, $record:expr) => {
        #[used]
        #[unsafe(link_section = $section)]
        static RECORD: $ty = $record;
    };
}

/// Checks a constant: nobody links host code into an Image.
#[cfg(not(target_os = "none"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __record {
    ($section:literal, $ty:ty, $record:expr) => {
        const _: $ty = $record;
    };
}

/// The record of an endpoint, and its signature.
#[cfg(target_os = "none")]
#[doc(hidden)]
#[macro_export]
macro_rules! __endpoint_record {
    ($entry:ident, $name:expr, $signature:expr, $symbol:literal) => {
        #[used]
        #[unsafe(link_section = ".nub.endpoints")]
        #[unsafe(export_name = $symbol)]
        static RECORD: $crate::record::Endpoint =
            $crate::record::Endpoint::new($entry as *const (), $name, $signature.arity());

        #[used]
        #[unsafe(link_section = ".nub.signatures")]
        static ENCODED: [u8; $signature.encoded_len()] = match $signature.encode() {
            Ok(encoded) => encoded,
            Err(error) => ::core::panic!("{}", error.message()),
        };
    };
}

/// Nothing: as host code an endpoint is a function.
#[cfg(not(target_os = "none"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __endpoint_record {
    ($entry:ident, $name:expr, $signature:expr, $symbol:literal) => {};
}
