//! By Rust types, at compile time: which way a call goes is a constant, and the other way is never compiled in.
//!
//! ```
//! use javm_types::typed;
//!
//! // The callee: `fn repeat(text: &str, times: u8) -> String`.
//! let mut scratchpad = [0; 64];
//! let registers = typed::lower_arguments(&("ab", 3_u8), &mut scratchpad)?;
//! let (text, times): (&str, u8) = typed::lift_arguments(registers, &scratchpad)?;
//! let result = text.repeat(times.into());
//! let register = typed::lower_result(&result, &mut scratchpad)?;
//!
//! assert_eq!(typed::lift_result::<&str>(register, &scratchpad)?, "ababab");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use super::{LiftError, filled};
use crate::codec::{Decode, DecodeError, Decoder, Encode, EncodeError, RegisterError, Typed, decode, encode_into};
use crate::limits::ARGUMENT_REGISTERS;
use crate::shape::Shape;

/// The arguments of a method: a tuple of up to eight.
pub trait Arguments: Typed {
    /// Whether they travel in registers, one each: at most four scalars.
    const IN_REGISTERS: bool;

    /// How many there are.
    const COUNT: usize;
}

/// Arguments that a caller can pass.
pub trait LowerArguments: Arguments + Encode {
    /// The registers, when each argument has one.
    #[doc(hidden)]
    fn to_registers(&self) -> [u64; ARGUMENT_REGISTERS];
}

/// Arguments that a callee can take, perhaps borrowing from the scratchpad.
pub trait LiftArguments<'a>: Arguments + Decode<'a> {
    /// The arguments, when each has a register.
    #[doc(hidden)]
    fn from_registers(registers: [u64; ARGUMENT_REGISTERS]) -> Result<Self, (u8, RegisterError)>;
}

/// Whether these are the types of arguments that travel in registers.
const fn in_registers(arguments: &Shape) -> bool {
    let Shape::Tuple(arguments) = arguments else { return false };
    let mut at = 0;
    while at < arguments.len() {
        if at >= ARGUMENT_REGISTERS || !arguments[at].is_scalar() {
            return false;
        }
        at += 1;
    }
    true
}

macro_rules! arguments {
    ($($count:literal ($($name:ident $place:tt)*))*) => {
        $(
            impl<$($name: Typed),*> Arguments for ($($name,)*) {
                const IN_REGISTERS: bool = in_registers(&Self::SHAPE);
                const COUNT: usize = $count;
            }

            impl<$($name: Encode),*> LowerArguments for ($($name,)*) {
                fn to_registers(&self) -> [u64; ARGUMENT_REGISTERS] {
                    let given: [Option<u64>; $count] = [$(self.$place.to_register()),*];
                    let mut registers = [0; ARGUMENT_REGISTERS];
                    registers.iter_mut().zip(given).for_each(|(register, given)| *register = given.unwrap_or(0));
                    registers
                }
            }

            impl<'a, $($name: Decode<'a>),*> LiftArguments<'a> for ($($name,)*) {
                fn from_registers(registers: [u64; ARGUMENT_REGISTERS]) -> Result<Self, (u8, RegisterError)> {
                    let _ = registers;
                    Ok(($($name::from_register(registers.get($place).copied().unwrap_or(0))
                        .map_err(|error| (7 + $place, error))?,)*))
                }
            }
        )*
    };
}

arguments! {
    0 ()
    1 (A 0)
    2 (A 0 B 1)
    3 (A 0 B 1 C 2)
    4 (A 0 B 1 C 2 D 3)
    5 (A 0 B 1 C 2 D 3 E 4)
    6 (A 0 B 1 C 2 D 3 E 4 F 5)
    7 (A 0 B 1 C 2 D 3 E 4 F 5 G 6)
    8 (A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7)
}

/// What a caller puts into φ7 to φ10, having written to the start of the scratchpad what does not go there. Where the
/// arguments travel in registers the scratchpad is not touched, and may be empty.
///
/// # Errors
/// [`EncodeError`] when the encoding does not fit into the scratchpad.
pub fn lower_arguments<A: LowerArguments>(
    arguments: &A,
    scratchpad: &mut [u8],
) -> Result<[u64; ARGUMENT_REGISTERS], EncodeError> {
    if A::IN_REGISTERS {
        return Ok(arguments.to_registers());
    }
    Ok([encode_into(arguments, scratchpad)? as u64, 0, 0, 0])
}

/// What a callee was given.
///
/// # Errors
/// [`LiftError`] when registers and scratchpad do not hold such arguments.
pub fn lift_arguments<'a, A: LiftArguments<'a>>(
    registers: [u64; ARGUMENT_REGISTERS],
    scratchpad: &'a [u8],
) -> Result<A, LiftError<DecodeError>> {
    if A::IN_REGISTERS {
        return A::from_registers(registers).map_err(|(register, error)| LiftError::Register { register, error });
    }
    decode(filled(registers[0], scratchpad)?).map_err(LiftError::Encoding)
}

/// What a callee puts into φ7, having written to the start of the scratchpad what does not go there.
///
/// # Errors
/// [`EncodeError`] when the encoding does not fit into the scratchpad.
pub fn lower_result<T: Encode + ?Sized>(value: &T, scratchpad: &mut [u8]) -> Result<u64, EncodeError> {
    match value.to_register() {
        Some(register) => Ok(register),
        // `()` has no bytes, and so gives 0.
        None => Ok(encode_into(value, scratchpad)? as u64),
    }
}

/// What a caller was given back.
///
/// # Errors
/// [`LiftError`] when φ7 and the scratchpad do not hold a result of the type.
pub fn lift_result<'a, T: Decode<'a>>(register: u64, scratchpad: &'a [u8]) -> Result<T, LiftError<DecodeError>> {
    if const { T::SHAPE.is_scalar() } {
        return T::from_register(register).map_err(|error| LiftError::Register { register: 7, error });
    }
    if const { T::SHAPE.is_unit() } {
        if register != 0 {
            return Err(LiftError::NotUnit(register));
        }
        return T::decode(&mut Decoder::new(&[])).map_err(LiftError::Encoding);
    }
    decode(filled(register, scratchpad)?).map_err(LiftError::Encoding)
}
