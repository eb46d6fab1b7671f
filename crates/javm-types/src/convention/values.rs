//! By the method, at run time.

use alloc::vec::Vec;

use super::{LiftError, Lowered, LoweredResult, filled, numbered};
use crate::definition::Method;
use crate::limits::{ARGUMENT_REGISTERS, MAX_DECODED_VALUES};
use crate::value::{Step, Value, ValueDecodeError, ValueError, ValueErrorReason, ValueReader, encode_fields};

/// What a caller puts into registers and scratchpad.
///
/// ```
/// use javm_types::{Method, lower_arguments, lift_result};
/// let add: Method = "add(amount: u8) -> u64".parse()?;
/// let lowered = lower_arguments(&add, &[5_u8.into()])?;
/// assert_eq!((lowered.registers, lowered.scratchpad), ([5, 0, 0, 0], None));
/// assert_eq!(lift_result(&add, 12, &[])?, 12_u64.into());
///
/// let error = lower_arguments(&add, &[300_u64.into()]).unwrap_err();
/// assert_eq!(error.to_string(), "amount: 300 does not fit into u8 (0 to 255)");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`ValueError`] when there are more or fewer values than arguments, one is not of its argument's type, or the encoding
/// is too long.
pub fn lower_arguments(method: &Method, values: &[Value]) -> Result<Lowered, ValueError> {
    let arguments = method.arguments();
    if arguments.len() != values.len() {
        let reason = ValueErrorReason::ArgumentCount { expected: arguments.len(), found: values.len() };
        return Err(ValueError::new(reason));
    }
    let mut registers = [0; ARGUMENT_REGISTERS];
    let mut scratchpad = None;
    if method.takes_registers() {
        for ((register, argument), value) in registers.iter_mut().zip(arguments).zip(values) {
            let lowered = value.to_register(&argument.ty);
            *register = lowered.map_err(|error| error.within(Step::Field(argument.name.clone())))?;
        }
    } else {
        let mut bytes = Vec::new();
        encode_fields(arguments, values, &mut bytes)?;
        registers[0] = bytes.len() as u64;
        scratchpad = Some(bytes);
    }
    Ok(Lowered { registers, arity: method.arity(), scratchpad })
}

/// What a callee was given.
///
/// # Errors
/// [`LiftError`] when registers and scratchpad do not hold the method's arguments.
pub fn lift_arguments(
    method: &Method,
    registers: [u64; ARGUMENT_REGISTERS],
    scratchpad: &[u8],
) -> Result<Vec<Value>, LiftError> {
    if !method.takes_registers() {
        let bytes = filled(registers[0], scratchpad)?;
        let read = || -> Result<Vec<Value>, ValueDecodeError> {
            let mut reader = ValueReader::new(bytes, MAX_DECODED_VALUES)?;
            let values = reader.fields(method.arguments())?;
            reader.end()?;
            Ok(values)
        };
        return read().map_err(LiftError::Encoding);
    }
    let lift = |(argument, (register, value)): (&crate::Field, (u8, u64))| {
        Value::from_register(&argument.ty, value).map_err(|error| LiftError::Register { register, error })
    };
    method.arguments().iter().zip(numbered(registers)).map(lift).collect()
}

/// What a callee puts into φ7 and scratchpad.
///
/// # Errors
/// [`ValueError`] when the value is not of the type that the method returns, or its encoding too long.
pub fn lower_result(method: &Method, value: &Value) -> Result<LoweredResult, ValueError> {
    let returns = method.returns();
    if returns.is_scalar() {
        return Ok(LoweredResult { register: value.to_register(returns)?, scratchpad: None });
    }
    let bytes = value.encode(returns)?;
    // `()` has no bytes, and so gives 0.
    let register = bytes.len() as u64;
    Ok(LoweredResult { register, scratchpad: (!method.returns_register()).then_some(bytes) })
}

/// What a caller was given back.
///
/// # Errors
/// [`LiftError`] when φ7 and the scratchpad do not hold what the method returns.
pub fn lift_result(method: &Method, register: u64, scratchpad: &[u8]) -> Result<Value, LiftError> {
    let returns = method.returns();
    if returns.is_scalar() {
        return Value::from_register(returns, register).map_err(|error| LiftError::Register { register: 7, error });
    }
    if returns.is_unit() {
        return if register == 0 { Ok(Value::UNIT) } else { Err(LiftError::NotUnit(register)) };
    }
    Value::decode(returns, filled(register, scratchpad)?).map_err(LiftError::Encoding)
}
