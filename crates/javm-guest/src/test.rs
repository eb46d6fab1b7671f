//! Where a program runs as host code: what its unit tests arrange and look at.
//!
//! `cargo test` compiles the program for the host. Endpoints are ordinary functions then, and everything that this crate
//! gives works: each thread, and so each test, has a state, a scratchpad and a log of its own, and LOG and HASH answer as
//! the kernel's do.
//!
//! What is different: nothing is metered, a call that fails is not undone, and the heap is the host's. The Image itself is
//! tested with the crate `nub` or the command `nub run`.
//!
//! ```
//! use javm_guest::{endpoint, log, state, test};
//!
//! state! {
//!     static CALLS: u64 = 0;
//! }
//!
//! #[endpoint]
//! fn greet(name: &str) -> String {
//!     CALLS.update(|calls| calls + 1);
//!     log!("greeting {name}");
//!     format!("Hello, {name}!")
//! }
//!
//! assert_eq!(greet("Ada"), "Hello, Ada!");
//! assert_eq!(test::logs(), ["greeting Ada"]);
//! // Another Instance of the program.
//! assert_eq!(test::fresh(|| CALLS.get()), 0);
//! ```

use std::borrow::ToOwned;
use std::boxed::Box;
use std::rc::Rc;
use std::string::String;
use std::vec::Vec;

use crate::machine::host;
use crate::types::typed::{LiftArguments, lift_arguments};
use crate::types::{Encode, Signature};
use crate::{Scratchpad, Status};

/// The bytes of scratchpad that a thread starts with, all zero.
pub const SCRATCHPAD_BYTES: usize = 1 << 20;

/// What [`gas`](crate::gas) returns.
pub const GAS: u64 = 1_000_000_000;

/// An endpoint as the kernel calls it: registers and scratchpad in, a register and the scratchpad out. For those who
/// compare an Image with the same program as host code; other tests call the function.
///
/// The function `add` with [`#[endpoint]`](macro@crate::endpoint) comes with a type `endpoint_add` that implements this,
/// as host code only.
///
/// ```
/// use javm_guest::{endpoint, test, test::Endpoint, types};
///
/// #[endpoint]
/// fn repeat(text: &str, times: u8) -> String {
///     text.repeat(times.into())
/// }
///
/// let mut scratchpad = vec![0; 64];
/// let registers = types::typed::lower_arguments(&("ab", 3_u8), &mut scratchpad)?;
/// test::set_scratchpad(&scratchpad);
/// let register = endpoint_repeat::call(registers);
/// let result: String = types::typed::lift_result(register, &test::scratchpad())?;
/// assert_eq!((result.as_str(), endpoint_repeat::SIGNATURE.name), ("ababab", "repeat"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Endpoint {
    /// What it is called, takes and returns.
    const SIGNATURE: Signature;

    /// Calls it with φ7 to φ10 and this thread's scratchpad, and gives φ7.
    ///
    /// # Panics
    /// Where a call of the Image would fail, with what it would log.
    fn call(registers: [u64; 4]) -> u64;
}

/// Makes `bytes` the scratchpad: what a caller has put there, as long as it is.
///
/// # Panics
/// If a part of it is [taken](Scratchpad::take).
pub fn set_scratchpad(bytes: &[u8]) {
    let untouched = Scratchpad::take_rest().offset() == 0;
    assert!(untouched, "the scratchpad cannot be exchanged while a part of it is taken");
    host::set_scratchpad(bytes);
    crate::log::forget();
}

/// What is in the scratchpad.
///
/// # Panics
/// If a part of it is [taken](Scratchpad::take).
#[must_use]
pub fn scratchpad() -> Vec<u8> {
    let scratchpad = Scratchpad::take_rest();
    assert!(scratchpad.offset() == 0, "a part of the scratchpad is taken");
    scratchpad.to_vec()
}

/// Where the scratchpad is: for parts of a program in another language, which [`Scratchpad`] does not know about. It moves
/// with [`set_scratchpad`].
#[must_use]
pub fn scratchpad_place() -> *mut [u8] {
    host::scratchpad()
}

/// Puts a service into a slot, for this thread.
pub fn grant(slot: u8, service: u32) {
    host::set_slot(slot, Some(host::Standing::Service(service)));
    crate::log::forget();
}

/// Empties a slot, for this thread.
pub fn revoke(slot: u8) {
    host::set_slot(slot, None);
    crate::log::forget();
}

/// Puts what implements an interface into a slot, for this thread, so that the program's calls can be tested. Where it
/// panics, the call ends as [`Status::PANIC`]. [`interface`](macro@crate::interface) has an example.
pub fn stand_in<I: Serve + ?Sized + 'static>(slot: u8, program: Box<I>) {
    host::set_slot(slot, Some(host::Standing::Program(Rc::new(StandIn(program)))));
    crate::log::forget();
}

struct StandIn<I: ?Sized>(Box<I>);

impl<I: Serve + ?Sized> host::Answer for StandIn<I> {
    fn answer(&self, method: u16, registers: [u64; 4], scratchpad: &[u8]) -> Result<Served, Status> {
        self.0.serve(method, registers, scratchpad)
    }
}

/// An interface as host code, which can be called as the kernel calls a program. [`interface`](macro@crate::interface)
/// implements it.
pub trait Serve {
    /// Calls a method with φ7 to φ10 and the bytes of the scratchpad.
    ///
    /// # Errors
    /// [`Status::NO_ENDPOINT`] where there is no such method; [`Status::PANIC`] for wrong arguments.
    fn serve(&self, method: u16, registers: [u64; 4], scratchpad: &[u8]) -> Result<Served, Status>;
}

/// What came of a call: φ7, and what the scratchpad begins with if the result is there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Served {
    /// φ7.
    pub register: u64,
    /// The start of the scratchpad.
    pub scratchpad: Option<Vec<u8>>,
}

/// Calls a method with the arguments that registers and scratchpad hold.
#[doc(hidden)]
pub fn __serve<'a, A: LiftArguments<'a>, T: Encode>(
    registers: [u64; 4],
    scratchpad: &'a [u8],
    method: impl FnOnce(A) -> T,
) -> Result<Served, Status> {
    let value = method(lift_arguments(registers, scratchpad).map_err(|_| Status::PANIC)?);
    if let Some(register) = value.to_register() {
        return Ok(Served { register, scratchpad: None });
    }
    let bytes = crate::types::encode(&value).map_err(|_| Status::PANIC)?;
    Ok(Served { register: bytes.len() as u64, scratchpad: Some(bytes) })
}

/// The lines that were logged, in order. What is not UTF-8 is replaced.
#[must_use]
pub fn logs() -> Vec<String> {
    host::logs().iter().map(|(_, bytes)| String::from_utf8_lossy(bytes).into_owned()).collect()
}

/// The entries of the log, in order: topics and bytes.
#[must_use]
pub fn entries() -> Vec<(u64, Vec<u8>)> {
    host::logs()
}

/// Runs `f` in a new Instance of the program: with a fresh state, scratchpad and log.
///
/// # Panics
/// If `f` does, and with its message.
pub fn fresh<R: Send>(f: impl FnOnce() -> R + Send) -> R {
    let name = std::thread::current().name().map(ToOwned::to_owned);
    std::thread::scope(|scope| {
        let mut builder = std::thread::Builder::new();
        if let Some(name) = name {
            builder = builder.name(name);
        }
        match builder.spawn_scoped(scope, f).map(|thread| thread.join()) {
            Ok(Ok(result)) => result,
            Ok(Err(panic)) => std::panic::resume_unwind(panic),
            Err(error) => panic!("no thread for another Instance: {error}"),
        }
    })
}
