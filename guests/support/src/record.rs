//! Records in sections of their own, which nub's linker reads and then drops: [`endpoint!`](crate::endpoint) says which
//! functions can be called, [`import!`](crate::import) which services the program wants and in which slot,
//! [`memory!`](crate::memory) how much stack, heap and scratchpad it needs.

/// The longest name of an endpoint, in bytes.
pub const NAME_BYTES: usize = 48;

/// One entry of section `.nub.endpoints`: 64 bytes, little endian.
#[repr(C)]
pub struct Endpoint {
    entry: *const (),
    version: u8,
    name_length: u8,
    arity: u8,
    reserved: [u8; 5],
    name: [u8; NAME_BYTES],
}

// SAFETY: never read by the program; the pointer is there for the linker to see as a relocation.
unsafe impl Sync for Endpoint {}

impl Endpoint {
    /// A record for the function at `entry`, which takes `arity` scalars. A name longer than [`NAME_BYTES`], an empty
    /// one or an arity above four does not compile.
    pub const fn new(entry: *const (), name: &str, arity: usize) -> Self {
        let bytes = name.as_bytes();
        assert!(!bytes.is_empty() && bytes.len() <= NAME_BYTES, "an endpoint's name has 1 to 48 bytes");
        assert!(arity <= 4, "an endpoint takes at most four scalars");
        let mut padded = [0; NAME_BYTES];
        let mut i = 0;
        while i < bytes.len() {
            padded[i] = bytes[i];
            i += 1;
        }
        Self { entry, version: 1, name_length: bytes.len() as u8, arity: arity as u8, reserved: [0; 5], name: padded }
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
    /// Wants service `service` in slot `slot` (4 to 255); without it the program does not start when `required`.
    pub const fn service(slot: u8, service: u32, required: bool) -> Self {
        assert!(slot >= 4, "slots 0 to 3 are the scratchpad, the gift, the constants and the variables");
        Self { version: 1, slot, kind: 1, required: required as u8, service }
    }
}

/// The one entry of section `.nub.memory`: 16 bytes, little endian.
#[repr(C)]
pub struct Memory {
    version: u32,
    stack: u32,
    heap: u32,
    scratchpad: u32,
}

impl Memory {
    /// Sizes in bytes; the linker rounds them up to pages.
    pub const fn new(stack: u32, heap: u32, scratchpad: u32) -> Self {
        Self { version: 1, stack, heap, scratchpad }
    }
}

/// Makes functions of up to four `u64` scalars and one `u64` result callable from outside. The endpoint has the
/// function's name, or the one given in front of it: `endpoint! { "self" fn whoami() { … } }`.
#[macro_export]
macro_rules! endpoint {
    ($($(#[$doc:meta])* $($rename:literal)? fn $name:ident($($argument:ident),*) $body:block)*) => { $(
        $(#[$doc])*
        #[unsafe(no_mangle)]
        pub extern "C" fn $name($($argument: u64),*) -> u64 $body

        const _: () = {
            #[used]
            #[unsafe(link_section = ".nub.endpoints")]
            static RECORD: $crate::record::Endpoint = $crate::record::Endpoint::new(
                $name as *const (),
                $crate::endpoint!(@name $name $($rename)?),
                <[&str]>::len(&[$(stringify!($argument)),*]),
            );
        };
    )* };
    (@name $name:ident $rename:literal) => { $rename };
    (@name $name:ident) => { stringify!($name) };
}

/// Asks for a service: `import! { LOG: slot 16, service 1, optional }` also defines `const LOG: u8 = 16`.
#[macro_export]
macro_rules! import {
    ($($(#[$doc:meta])* $name:ident: slot $slot:literal, service $service:expr, $need:ident)*) => { $(
        $(#[$doc])*
        const $name: u8 = $slot;

        const _: () = {
            #[used]
            #[unsafe(link_section = ".nub.imports")]
            static RECORD: $crate::record::Import =
                $crate::record::Import::service($slot, $service, $crate::import!(@need $need));
        };
    )* };
    (@need required) => { true };
    (@need optional) => { false };
}

/// Says how much memory the program needs, in bytes: `memory! { stack 65536, heap 0, scratchpad 4096 }`.
#[macro_export]
macro_rules! memory {
    (stack $stack:expr, heap $heap:expr, scratchpad $scratchpad:expr) => {
        const _: () = {
            #[used]
            #[unsafe(link_section = ".nub.memory")]
            static RECORD: $crate::record::Memory = $crate::record::Memory::new($stack, $heap, $scratchpad);
        };
    };
}
