//! Registers and scratchpad, by values and by Rust types.

use javm_types::{
    Address, DecodeError, LiftError, Method, RegisterError, Value, lift_arguments, lift_result, lower_arguments,
    lower_result, typed,
};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::strategies::{call, config, method};

fn parse(text: &str) -> Method {
    text.parse().expect("a method")
}

proptest! {
    #![proptest_config(config(400))]

    #[test]
    fn what_is_lowered_is_lifted((method, arguments, result) in call(), behind in vec(any::<u8>(), 0..9)) {
        let lowered = lower_arguments(&method, &arguments).expect("they are of the types");
        prop_assert_eq!(lowered.scratchpad.is_none(), method.takes_registers());
        prop_assert_eq!(lowered.arity, method.arity());
        prop_assert!(lowered.registers[usize::from(lowered.arity)..].iter().all(|&register| register == 0));
        // The scratchpad is longer than what is in it.
        let mut scratchpad = lowered.scratchpad.unwrap_or_default();
        scratchpad.extend(&behind);
        prop_assert_eq!(lift_arguments(&method, lowered.registers, &scratchpad), Ok(arguments));

        let lowered = lower_result(&method, &result).expect("it is of the type");
        prop_assert_eq!(lowered.scratchpad.is_none(), method.returns_register());
        let mut scratchpad = lowered.scratchpad.unwrap_or_default();
        scratchpad.extend(&behind);
        prop_assert_eq!(lift_result(&method, lowered.register, &scratchpad), Ok(result));
    }

    /// What a hostile callee or caller gives is refused, or is what lowering gives.
    #[test]
    fn anything_else_is_refused(
        method in method(),
        registers in proptest::array::uniform4(prop_oneof![0..9_u64, any::<u64>(), any::<i8>().prop_map(|n| n as u64)]),
        scratchpad in vec(0..3_u8, 0..40),
    ) {
        if let Ok(arguments) = lift_arguments(&method, registers, &scratchpad) {
            let lowered = lower_arguments(&method, &arguments).expect("they are of the types");
            let arity = usize::from(method.arity());
            prop_assert_eq!(&lowered.registers[..arity], &registers[..arity]);
            if let Some(bytes) = lowered.scratchpad {
                prop_assert!(scratchpad.starts_with(&bytes));
            }
        }
        if let Ok(result) = lift_result(&method, registers[0], &scratchpad) {
            let lowered = lower_result(&method, &result).expect("it is of the type");
            prop_assert_eq!(lowered.register, registers[0]);
            prop_assert!(scratchpad.starts_with(&lowered.scratchpad.unwrap_or_default()));
        }
    }

    /// Rust types and values agree on every call.
    #[test]
    fn typed_scalars_are_lowered_as_values(a in any::<u8>(), b in any::<i32>(), c in any::<bool>(), d in any::<i64>()) {
        let method = parse("m(a: u8, b: i32, c: bool, d: i64) -> i32");
        let values = [a.into(), b.into(), c.into(), d.into()];
        let registers = typed::lower_arguments(&(a, b, c, d), &mut []).expect("no scratchpad is needed");
        prop_assert_eq!(registers, lower_arguments(&method, &values).expect("right").registers);
        prop_assert_eq!(typed::lift_arguments(registers, &[]), Ok((a, b, c, d)));
        let register = typed::lower_result(&b, &mut []).expect("no scratchpad is needed");
        prop_assert_eq!(register, lower_result(&method, &b.into()).expect("right").register);
        prop_assert_eq!(typed::lift_result(register, &[]), Ok(b));
    }

    #[test]
    fn typed_encodings_are_lowered_as_values(a in any::<u8>(), b in any::<String>(), c in vec(any::<u64>(), 0..4)) {
        let method = parse("m(a: u8, b: string, c: list<u64>) -> option<string>");
        let list = Value::List(c.iter().map(|&number| number.into()).collect());
        let lowered = lower_arguments(&method, &[a.into(), b.as_str().into(), list]).expect("right");
        let mut scratchpad = vec![0xaa; 4096];
        let registers = typed::lower_arguments(&(a, b.as_str(), &c), &mut scratchpad).expect("it fits");
        prop_assert_eq!(registers, lowered.registers);
        prop_assert_eq!(&scratchpad[..registers[0] as usize], &lowered.scratchpad.expect("it is needed"));
        prop_assert_eq!(typed::lift_arguments(registers, &scratchpad), Ok((a, b.as_str(), c)));
        let result = Some(b.clone());
        let lowered = lower_result(&method, &Value::some(b)).expect("right");
        let register = typed::lower_result(&result, &mut scratchpad).expect("it fits");
        prop_assert_eq!(register, lowered.register);
        prop_assert_eq!(typed::lift_result(register, &scratchpad), Ok(result));
    }

    /// Every register is a value of exactly the types whose range it is in.
    #[test]
    fn registers_are_range_checked(register in prop_oneof![any::<u64>(), any::<i16>().prop_map(|n| n as u64), 0..300_u64]) {
        macro_rules! check {
            ($($ty:ident)*) => { $(
                let method = parse(concat!("m() -> ", stringify!($ty)));
                let expected = $ty::try_from(register as i64).ok().filter(|&value| value as i64 as u64 == register);
                prop_assert_eq!(typed::lift_result::<$ty>(register, &[]).ok(), expected);
                prop_assert_eq!(lift_result(&method, register, &[]).ok(), expected.map(Value::from));
            )* };
        }
        check!(u8 u16 u32 i8 i16 i32 i64);
        prop_assert_eq!(typed::lift_result::<u64>(register, &[]), Ok(register));
        prop_assert_eq!(lift_result(&parse("m() -> u64"), register, &[]), Ok(register.into()));
        prop_assert_eq!(typed::lift_result::<bool>(register, &[]).ok(), (register < 2).then_some(register == 1));
        prop_assert_eq!(lift_result(&parse("m() -> bool"), register, &[]).is_ok(), register < 2);
    }
}

#[test]
fn the_way_of_a_call_follows_from_its_types() {
    let ways = |text: &str| {
        let method = parse(text);
        (method.takes_registers(), method.returns_register(), method.arity(), method.needs_scratchpad())
    };
    assert_eq!(ways("m()"), (true, true, 0, false));
    assert_eq!(ways("m(a: u64, b: i8, c: bool, d: u8) -> bool"), (true, true, 4, false));
    assert_eq!(ways("m(a: u8, b: u8, c: u8, d: u8, e: u8)"), (false, true, 1, true));
    assert_eq!(ways("m(a: u128)"), (false, true, 1, true));
    assert_eq!(ways("m(a: u64, b: address32) -> u64"), (false, true, 1, true));
    assert_eq!(ways("m(a: (u64,)) -> (u64,)"), (false, false, 1, true));
    assert_eq!(ways("m(a: u64) -> i128"), (true, false, 1, true));
    assert_eq!(ways("m() -> option<()>"), (true, false, 0, true));
}

#[test]
fn errors_say_which_register_or_byte() {
    let lift = |method: &str, registers, scratchpad: &[u8]| {
        lift_arguments(&parse(method), registers, scratchpad).expect_err("it is wrong").to_string()
    };
    assert_eq!(
        lift("m(a: u8, b: u8)", [1, 300, 0, 0], &[]),
        "φ8: 0x12c is no u8; the bits above its width must be zero"
    );
    assert_eq!(
        lift("m(a: i8)", [0xff, 0, 0, 0], &[]),
        "φ7: 0xff is no i8; the bits above its width must repeat its sign"
    );
    assert_eq!(lift("m(a: u8, b: u8, c: u8, d: bool)", [0, 0, 0, 2], &[]), "φ10: 0x2 is no bool; it must be 0 or 1");
    assert_eq!(lift("m(a: bytes)", [5, 0, 0, 0], &[0; 4]), "φ7: 5 bytes of the scratchpad are meant, but it has 4");
    assert_eq!(
        lift("m(a: bytes)", [u64::MAX, 0, 0, 0], &[0; 4]),
        "φ7: 18446744073709551615 bytes of the scratchpad are meant, but it has 4"
    );
    assert_eq!(
        lift("m(a: u128, b: bytes)", [16, 0, 0, 0], &[0; 64]),
        "scratchpad: b: at byte 16: 4 bytes are needed and 0 are left"
    );
    assert_eq!(lift("m(a: bytes)", [5, 0, 0, 0], &[0; 64]), "scratchpad: at byte 4: 1 bytes follow behind the end");
    let error = lift_result(&parse("m()"), 1, &[]).expect_err("not nothing");
    assert_eq!(error.to_string(), "φ7: 0x1 is not zero, but the method returns nothing");

    let lower =
        |method: &str, values: &[Value]| lower_arguments(&parse(method), values).expect_err("it is wrong").to_string();
    assert_eq!(lower("m(a: u8, b: u8)", &[1_u8.into()]), "the method takes 2 arguments, not 1");
    assert_eq!(lower("m(a: bytes)", &[]), "the method takes 1 arguments, not 0");
    assert_eq!(lower("m(a: u8, b: u8)", &[1_u8.into(), 256_u16.into()]), "b: 256 does not fit into u8 (0 to 255)");
    assert_eq!(
        lower("m(a: u8, b: list<u16>)", &[1_u8.into(), Value::List(vec![true.into()])]),
        "b[0]: a value of type u16 is wanted, not a bool"
    );
    let error = lower_result(&parse("m() -> u8"), &true.into()).expect_err("a bool");
    assert_eq!(error.to_string(), "a value of type u8 is wanted, not a bool");
    assert!(lower_result(&parse("m()"), &true.into()).is_err());
}

#[test]
fn typed_calls_refuse_what_is_wrong() {
    let error = typed::lift_arguments::<(u8, i16)>([1, 0x8000, 0, 0], &[]).expect_err("it has no sign");
    assert_eq!(error.to_string(), "φ8: 0x8000 is no i16; the bits above its width must repeat its sign");
    let error = typed::lift_arguments::<(&[u8],)>([5, 0, 0, 0], &[0; 4]).expect_err("it is too short");
    assert_eq!(error, LiftError::Length { length: 5, available: 4 });
    let error = typed::lift_result::<()>(1, &[]).expect_err("not nothing");
    assert_eq!(error, LiftError::NotUnit(1));
    assert_eq!(typed::lift_result::<()>(0, &[]), Ok(()));
    assert_eq!(typed::lower_result(&(), &mut []), Ok(0));
    let error: LiftError<DecodeError> = typed::lift_result::<Option<u8>>(1, &[7]).expect_err("no option");
    assert_eq!(
        error.to_string(),
        "scratchpad: at byte 0: an option starts with 0 (nothing) or 1 (something), not 0x07"
    );
    let error = typed::lower_arguments(&("abc",), &mut [0; 6]).expect_err("no room");
    assert_eq!(error.to_string(), "the encoding takes more than the 6 bytes that there are for it");
    // What is no scalar says so, should somebody ask.
    use javm_types::Decode;
    assert_eq!(<Option<u8>>::from_register(0), Err(RegisterError::NotScalar));
    assert_eq!(RegisterError::NotScalar.to_string(), "the type is not passed in a register");
}

#[test]
fn eight_arguments_of_any_kind_travel_together() {
    type Eight<'a> = (u8, i16, bool, u128, Address, &'a str, Vec<(u8,)>, Option<()>);
    let arguments: Eight = (1, -2, true, 1 << 100, Address([9; 32]), "text", vec![(1,), (2,)], Some(()));
    let mut scratchpad = [0; 100];
    let registers = typed::lower_arguments(&arguments, &mut scratchpad).expect("it fits");
    assert_eq!(typed::lift_arguments::<Eight>(registers, &scratchpad), Ok(arguments));
    let none = typed::lower_arguments(&(), &mut []).expect("nothing");
    assert_eq!((none, typed::lift_arguments::<()>(none, &[])), ([0; 4], Ok(())));
}
