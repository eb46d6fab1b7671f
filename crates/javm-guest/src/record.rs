//! Records in sections of their own, which the linker reads and then drops. `docs/spec/linker.md` is the norm.
//!
//! As host code the macros check what they are given, and leave nothing behind.

use javm_types::Interface;

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
        assert!(slot != 18 || service == crate::block::SERVICE, "slot 18 is BLOCK's");
        assert!(slot != 19 || service == crate::verify::SERVICE, "slot 19 is VERIFY's");
        Self { version: 1, slot, kind: 1, required: required as u8, service }
    }
}

/// One entry of section `.nub.typedefs`: a head of four bytes and the encoding of the interface, `N` bytes together.
const fn typedef<const N: usize>(head: [u8; 4], interface: &Interface) -> [u8; N] {
    let mut record = [0; N];
    let mut at = 0;
    while at < head.len() {
        record[at] = head[at];
        at += 1;
    }
    match interface.encode_at(record, head.len()) {
        Ok(record) => record,
        Err(error) => panic!("{}", error.message()),
    }
}

/// The bytes of a record of an interface.
#[must_use]
pub const fn typedef_len(interface: &Interface) -> usize {
    4 + interface.encoded_len()
}

/// The record of an interface that the program implements.
#[must_use]
pub const fn implemented<const N: usize>(interface: &Interface) -> [u8; N] {
    typedef([1, 1, 0, 0], interface)
}

/// The record of an interface of which the program wants something in a slot.
#[must_use]
pub const fn wanted<const N: usize>(slot: u8, required: bool, interface: &Interface) -> [u8; N] {
    assert!(slot >= 4, "slots 0 to 3 are the scratchpad, the gift, the constants and the variables");
    assert!(slot != crate::exchange::ASIDE, "slot 15 is where scratchpads are put aside");
    typedef([1, 2, slot, required as u8], interface)
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

/// Asks for something in a slot: `optional` instead of `required` is a program that starts without it, and finds the slot
/// empty. Slots are 4 to 255; 16 to 19 are where this crate wants LOG, HASH, BLOCK and VERIFY, by itself, and 15 is where it puts
/// scratchpads aside.
///
/// - `import! { pub CLOCK: slot 20, service 7, required }` is a Service, or what stands in for it. It defines the constant
///   `CLOCK`, the slot to call.
/// - `import! { pub BANK: slot 21, interface dyn Token, required }` is something that implements an
///   [`interface`](macro@crate::interface). It defines the constant `BANK`, a [`Callee`](crate::Callee) to call as that
///   trait.
///
/// ```
/// use javm_guest::{Call, Status, import, interface};
///
/// #[interface]
/// trait Greeter {
///     fn greet(&self, name: &str) -> String;
/// }
///
/// import! {
///     /// What else there may be.
///     ORACLE: slot 20, service 1000, optional
///     /// Somebody to talk to.
///     GREETER: slot 21, interface dyn Greeter, required
/// }
///
/// assert_eq!(Call::method(0).slot::<ORACLE>(), Err(Status::EMPTY));
/// assert_eq!(GREETER.try_greet("Ada"), Err(Status::EMPTY.into()));
/// ```
#[macro_export]
macro_rules! import {
    () => {};
    ($(#[$doc:meta])* $visible:vis $name:ident: slot $slot:expr, service $service:expr, $need:ident $($rest:tt)*) => {
        $(#[$doc])*
        $visible const $name: u8 = $slot;

        const _: () = {
            const IMPORT: $crate::record::Import =
                $crate::record::Import::service($name, $service, $crate::import!(@need $need));
            $crate::__record!(".nub.imports", $crate::record::Import, IMPORT);
        };

        $crate::import! { $($rest)* }
    };
    ($(#[$doc:meta])* $visible:vis $name:ident: slot $slot:expr, interface $interface:ty, $need:ident $($rest:tt)*) => {
        $(#[$doc])*
        $visible const $name: $crate::Callee<$interface> = $crate::Callee::at($crate::Place::slot($slot));

        const _: () = {
            const DEFINITION: $crate::types::Interface = <$interface as $crate::Interface>::DEFINITION;
            const BYTES: usize = $crate::record::typedef_len(&DEFINITION);
            const IMPORT: [u8; BYTES] = $crate::record::wanted($slot, $crate::import!(@need $need), &DEFINITION);
            $crate::__record!(".nub.typedefs", [u8; BYTES], IMPORT);
        };

        $crate::import! { $($rest)* }
    };
    (@need required) => { true };
    (@need optional) => { false };
}

/// Says that the program implements an [`interface`](macro@crate::interface): `implements!(dyn Token)`. There has to be
/// an endpoint of the name, the arguments and the result of each of its methods; the linker checks that. The Image lists
/// the interface, and the endpoints take the order of its methods: of the first one's, if there are several.
///
/// ```
/// use javm_guest::{endpoint, implements, interface};
///
/// #[interface]
/// trait Greeter {
///     fn greet(&self, name: &str) -> String;
/// }
///
/// implements!(dyn Greeter);
///
/// #[endpoint]
/// fn greet(name: &str) -> String {
///     format!("Hello, {name}!")
/// }
/// # assert_eq!(greet("Ada"), "Hello, Ada!");
/// ```
#[macro_export]
macro_rules! implements {
    ($interface:ty) => {
        const _: () = {
            const DEFINITION: $crate::types::Interface = <$interface as $crate::Interface>::DEFINITION;
            const BYTES: usize = $crate::record::typedef_len(&DEFINITION);
            const IMPLEMENTED: [u8; BYTES] = $crate::record::implemented(&DEFINITION);
            $crate::__record!(".nub.typedefs", [u8; BYTES], IMPLEMENTED);
        };
    };
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
