//! Arguments and results, which come from a caller or a callee that nobody trusts. The bytes say what a method takes and
//! returns, by choices, so that there is a method always; then what stands in registers and scratchpad. Whatever that
//! is:
//! - it lifts to values, and these lower to the same registers and the same bytes, and go through JSON unchanged;
//! - or it is refused, with a place in the scratchpad where it is an encoding that is wrong.

use javm_types::limits::ARGUMENT_REGISTERS;
use javm_types::{
    Field, Identifier, Kind, LiftError, Method, MethodName, Primitive, Type, TypeDef, Value, json, lift_arguments,
    lift_result, lower_arguments, lower_result,
};
use rand::RngExt;
use rand::seq::IndexedRandom;

use crate::input::Input;
use crate::{Random, Reached, Target, mutation};

/// This target.
pub const TARGET: Target =
    Target { name: "arguments", run, generate, mutate: mutation::bytes, repair: |_| {}, least_accepted: 30 };

/// Names of arguments and fields, in order.
const NAMES: [&str; 4] = ["first", "second", "third", "fourth"];
/// Types one inside of the other.
const DEPTH: u32 = 5;

fn run(bytes: &[u8]) -> Reached {
    let mut input = Input::new(bytes);
    let Some(method) = method(&mut input) else { return Reached::Refused };
    check_interface(&method);
    let registers = [0; ARGUMENT_REGISTERS].map(|_: u64| register(&mut input));
    let scratchpad = input.rest();
    // Most encodings fill the scratchpad: then φ7 is what it has to be.
    let whole = scratchpad.len() as u64;
    let filled = [whole, registers[1], registers[2], registers[3]];
    let arguments = check_arguments(&method, registers, scratchpad)
        | (!method.takes_registers() && check_arguments(&method, filled, scratchpad));
    let result = check_result(&method, registers[0], scratchpad) | check_result(&method, whole, scratchpad);
    check_value(method.returns(), scratchpad);
    if arguments || result { Reached::Accepted } else { Reached::Refused }
}

/// A register: mostly a small number, as those of `bool` and `u8` are.
fn register(input: &mut Input<'_>) -> u64 {
    match input.u8() {
        255 => input.u64(),
        254 => u64::MAX - u64::from(input.u8()),
        small => small.into(),
    }
}

/// The method that the choices say; `None` if it breaks a rule of the language.
fn method(input: &mut Input<'_>) -> Option<Method> {
    let count = input.below(4);
    let mut fields = Vec::new();
    for name in &NAMES[..count] {
        fields.push(Field { name: name.parse().ok()?, ty: ty(input, DEPTH)? });
    }
    let name: MethodName = "method".parse().ok()?;
    Method::new(name, fields, ty(input, DEPTH)?).ok()
}

fn ty(input: &mut Input<'_>, depth: u32) -> Option<Type> {
    let parts =
        |input: &mut Input<'_>| -> Option<Vec<Type>> { (0..input.below(4)).map(|_| ty(input, depth - 1)).collect() };
    match input.below(16) {
        0 | 1 if depth > 1 => Type::list(ty(input, depth - 1)?).ok(),
        2 | 3 if depth > 1 => Type::option(ty(input, depth - 1)?).ok(),
        4 | 5 if depth > 1 => Type::tuple(parts(input)?).ok(),
        6 if depth > 1 => {
            // A name stands for one struct only: it says what is in it.
            let parts = parts(input)?;
            let text =
                format!("{parts:?}").bytes().fold(5381_u64, |hash, byte| hash.wrapping_mul(33) ^ u64::from(byte));
            let name: Identifier = format!("s{text}").parse().ok()?;
            let named = NAMES.iter().zip(parts).map(|(name, ty)| Some(Field { name: name.parse().ok()?, ty }));
            Type::structure(name, named.collect::<Option<_>>()?).ok()
        }
        7 => Some(Type::UNIT),
        _ => Some(input.choose(Primitive::ALL).into()),
    }
}

fn check_interface(method: &Method) {
    let Ok(name) = "interface1".parse() else { return };
    let typedef = match TypeDef::new(name, vec![method.clone()]) {
        Ok(typedef) => typedef,
        Err(error) => panic!("one method is no interface: {error}"),
    };
    assert_eq!(TypeDef::decode(&typedef.encode()).as_ref(), Ok(&typedef), "read from its encoding");
    assert_eq!(typedef.to_string().parse().as_ref(), Ok(&typedef), "read from its text");
}

fn check_arguments(method: &Method, registers: [u64; ARGUMENT_REGISTERS], scratchpad: &[u8]) -> bool {
    let values = match lift_arguments(method, registers, scratchpad) {
        Ok(values) => values,
        Err(error) => {
            check_error(&error, scratchpad);
            return false;
        }
    };
    let lowered = match lower_arguments(method, &values) {
        Ok(lowered) => lowered,
        Err(error) => panic!("what was lifted cannot be lowered: {error}"),
    };
    let arity = usize::from(method.arity());
    assert_eq!(lowered.arity, method.arity());
    assert_eq!(lowered.registers[..arity], registers[..arity], "{method}: {values:?}");
    assert!(lowered.registers[arity..].iter().all(|&register| register == 0));
    if let Some(bytes) = lowered.scratchpad {
        assert!(!method.takes_registers() && scratchpad.starts_with(&bytes), "{method}: {values:?} is {bytes:02x?}");
    }
    let texts: Vec<String> =
        method.arguments().iter().zip(&values).map(|(argument, value)| as_json(&argument.ty, value)).collect();
    match json::parse_arguments(method, &texts) {
        Ok(again) => assert_eq!(again, values, "{method}: {texts:?}"),
        Err(error) => panic!("{method}: {texts:?} is refused: {error}"),
    }
    true
}

fn check_result(method: &Method, register: u64, scratchpad: &[u8]) -> bool {
    let value = match lift_result(method, register, scratchpad) {
        Ok(value) => value,
        Err(error) => {
            check_error(&error, scratchpad);
            return false;
        }
    };
    match lower_result(method, &value) {
        Ok(lowered) => {
            assert_eq!(lowered.register, register, "{method}: {value:?}");
            assert!(lowered.scratchpad.is_none_or(|bytes| scratchpad.starts_with(&bytes)), "{method}: {value:?}");
        }
        Err(error) => panic!("what was lifted cannot be lowered: {error}"),
    }
    true
}

fn check_error(error: &LiftError, scratchpad: &[u8]) {
    assert!(!error.to_string().is_empty());
    if let LiftError::Encoding(error) = error {
        assert!(error.error.offset <= scratchpad.len(), "{error} in {} bytes", scratchpad.len());
    }
}

/// The encoding of a value is the only one; the value is of its type, and survives JSON.
fn check_value(ty: &Type, bytes: &[u8]) {
    match Value::decode(ty, bytes) {
        Ok(value) => {
            assert_eq!(value.check(ty), Ok(()));
            assert!(value.encode(ty).as_deref() == Ok(bytes), "{ty}: {value:?} has another encoding");
            let text = as_json(ty, &value);
            match json::parse(ty, &text) {
                Ok(again) => assert_eq!(again, value, "{ty}: {text}"),
                Err(error) => panic!("{ty}: {text} is refused: {error}"),
            }
        }
        Err(error) => assert!(error.error.offset <= bytes.len(), "{error} in {} bytes", bytes.len()),
    }
}

fn as_json(ty: &Type, value: &Value) -> String {
    match value.json(ty) {
        Ok(json) => json.to_string(),
        Err(error) => panic!("a value of {ty} has no JSON: {error}"),
    }
}

/// Choices that make a method, then values that it takes or returns.
fn generate(random: &mut Random) -> Vec<u8> {
    let mut bytes: Vec<u8> = (0..random.random_range(2..24)).map(|_| random.random()).collect();
    let mut input = Input::new(&bytes);
    let Some(method) = method(&mut input) else { return bytes };
    let types: Vec<&Type> = match random.random() {
        true => method.arguments().iter().map(|argument| &argument.ty).collect(),
        false => vec![method.returns()],
    };
    let mut scratchpad = Vec::new();
    for ty in types {
        let value = value(random, ty);
        // What is too long stays away.
        scratchpad.extend(value.encode(ty).unwrap_or_default());
    }
    let used = bytes.len() - input.rest().len();
    bytes.truncate(used);
    bytes.extend((0..ARGUMENT_REGISTERS).map(|_| random.random_range(0..4_u8)));
    bytes.extend(scratchpad);
    bytes
}

fn value(random: &mut Random, ty: &Type) -> Value {
    match ty.kind() {
        Kind::Primitive(primitive) => primitive_value(random, *primitive),
        Kind::List(element) => Value::List((0..random.random_range(0..4)).map(|_| value(random, element)).collect()),
        Kind::Option(content) => Value::Option(random.random::<bool>().then(|| Box::new(value(random, content)))),
        Kind::Tuple(elements) => Value::Tuple(elements.iter().map(|ty| value(random, ty)).collect()),
        Kind::Struct(structure) => {
            Value::Tuple(structure.fields.iter().map(|field| value(random, &field.ty)).collect())
        }
    }
}

fn primitive_value(random: &mut Random, primitive: Primitive) -> Value {
    let text = ["", "a", "\"", "é\u{1F600}", "null", "0x12", "\0\n\\", "12"];
    match primitive.integer() {
        Some(integer) => {
            let bits = u128::from(mutation::number(random)) << random.random_range(0..70);
            // Within the range: what lies outside is cut off at its border.
            let (least, most) = (integer.min(), integer.max());
            if least < 0 {
                Value::Signed((bits as i128).clamp(least, most as i128))
            } else {
                Value::Unsigned(bits.min(most))
            }
        }
        None => match primitive {
            Primitive::Bool => Value::Bool(random.random()),
            Primitive::String => text.choose(random).copied().unwrap_or_default().into(),
            Primitive::Bytes => (0..random.random_range(0..9)).map(|_| random.random()).collect::<Vec<u8>>().into(),
            _ => [random.random::<u8>(); 32].into(),
        },
    }
}
