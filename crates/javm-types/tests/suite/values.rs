//! Values and their canonical encoding.

use javm_types::limits::MAX_VALUE_BYTES;
use javm_types::{Address, DecodeErrorReason, Kind, Primitive, Step, Type, Value};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::strategies::{config, mutation, ty, typed_value};

/// What is accepted must be written again as it was read.
fn refused_or_canonical(ty: &Type, bytes: &[u8]) -> Result<(), TestCaseError> {
    match Value::decode(ty, bytes) {
        Ok(value) => prop_assert_eq!(value.encode(ty), Ok(bytes.to_vec())),
        Err(error) => prop_assert!(error.error.offset <= bytes.len() && !error.to_string().is_empty(), "{error}"),
    }
    Ok(())
}

/// The value at the end of the path.
fn follow<'a>(value: &'a Value, path: &javm_types::Path) -> &'a Value {
    path.steps().fold(value, |value, step| match (value, step) {
        (Value::List(values), Step::Index(index)) | (Value::Tuple(values), Step::Element(index)) => &values[*index],
        _ => value,
    })
}

proptest! {
    #![proptest_config(config(500))]

    #[test]
    fn a_value_is_read_as_it_was_written((ty, value) in typed_value(), cut in any::<prop::sample::Index>()) {
        let bytes = value.encode(&ty).expect("it is of the type");
        prop_assert_eq!(Value::decode(&ty, &bytes), Ok(value.clone()));
        prop_assert!(bytes.len() >= ty.min_bytes());
        prop_assert_eq!(value.check(&ty), Ok(()));
        if !bytes.is_empty() {
            prop_assert!(Value::decode(&ty, &bytes[..cut.index(bytes.len())]).is_err());
        }
        let mut longer = bytes.clone();
        longer.push(0);
        let error = Value::decode(&ty, &longer).expect_err("a byte too many").error;
        prop_assert_eq!((error.offset, error.reason), (bytes.len(), DecodeErrorReason::TrailingBytes(1)));
    }

    #[test]
    fn a_changed_encoding_is_refused_or_canonical((ty, value) in typed_value(), mutation in mutation()) {
        refused_or_canonical(&ty, &mutation.apply(&value.encode(&ty).expect("it is of the type")))?;
    }

    #[test]
    fn any_bytes_are_refused_or_canonical(
        ty in ty(),
        bytes in vec(prop_oneof![3 => Just(0), 2 => 0..3_u8, 1 => any::<u8>()], 0..120),
    ) {
        refused_or_canonical(&ty, &bytes)?;
    }

    /// Of two types, each value of one is either refused by the other or has the same form there.
    #[test]
    fn values_of_another_type_are_refused((ty, value) in typed_value(), other in ty()) {
        match value.encode(&other) {
            Ok(bytes) => prop_assert_eq!(Value::decode(&other, &bytes), Ok(value)),
            Err(error) => {
                // The path leads to something that is there.
                let _ = follow(&value, &error.path);
                prop_assert!(!error.to_string().is_empty());
                prop_assert!(other != ty);
            }
        }
    }

    #[test]
    fn limits_count_every_value((ty, value) in typed_value()) {
        fn count(value: &Value) -> usize {
            1 + match value {
                Value::List(values) | Value::Tuple(values) => values.iter().map(count).sum(),
                Value::Option(Some(content)) => count(content),
                _ => 0,
            }
        }
        let bytes = value.encode(&ty).expect("it is of the type");
        prop_assert_eq!(Value::decode_limited(&ty, &bytes, count(&value)), Ok(value.clone()));
        let error = Value::decode_limited(&ty, &bytes, count(&value) - 1).expect_err("one too many").error;
        prop_assert_eq!(error.reason, DecodeErrorReason::TooManyValues(count(&value) - 1));
    }
}

fn parse(text: &str) -> Type {
    text.parse().expect("a type")
}

#[test]
fn errors_of_values_say_what_is_wrong_and_where() {
    let cases: &[(&str, Value, &str)] = &[
        ("u8", 300_u64.into(), "300 does not fit into u8 (0 to 255)"),
        ("i8", (-129_i16).into(), "-129 does not fit into i8 (-128 to 127)"),
        ("i8", 128_i16.into(), "128 does not fit into i8 (-128 to 127)"),
        ("u64", (1_u128 << 64).into(), "18446744073709551616 does not fit into u64 (0 to 18446744073709551615)"),
        ("i64", 5_u8.into(), "a value of type i64 is wanted, not an unsigned integer"),
        ("u8", 5_i8.into(), "a value of type u8 is wanted, not a signed integer"),
        ("bool", "true".into(), "a value of type bool is wanted, not a string"),
        ("string", Value::List(vec![]), "a value of type string is wanted, not a list"),
        ("bytes", true.into(), "a value of type bytes is wanted, not a bool"),
        ("address32", vec![0_u8; 32].into(), "a value of type address32 is wanted, not bytes"),
        ("list<u64>", Value::Tuple(vec![]), "a value of type list<u64> is wanted, not a tuple"),
        ("(u64,)", Value::Option(None), "a value of type (u64,) is wanted, not an option"),
        ("option<u8>", Address([0; 32]).into(), "a value of type option<u8> is wanted, not an address"),
        ("(u8, bool)", Value::Tuple(vec![1_u8.into()]), "2 elements are wanted, not 1"),
        ("()", Value::Tuple(vec![1_u8.into()]), "0 elements are wanted, not 1"),
        (
            "list<option<(bool, u16)>>",
            Value::List(vec![Value::Option(None), Value::some(Value::Tuple(vec![true.into(), 70_000_u32.into()]))]),
            "[1].1: 70000 does not fit into u16 (0 to 65535)",
        ),
        (
            "((bytes,),)",
            Value::Tuple(vec![Value::Tuple(vec![vec![0_u8; MAX_VALUE_BYTES].into()])]),
            ".0.0: the encoding takes more than 67108864 bytes",
        ),
    ];
    for (ty, value, message) in cases {
        let error = value.encode(&parse(ty)).expect_err(message);
        assert_eq!(error.to_string(), *message);
    }
}

#[test]
fn errors_of_encodings_say_what_is_wrong_and_where() {
    let cases: &[(&str, &[u8], &str)] = &[
        ("u32", &[1, 2, 3], "at byte 0: 4 bytes are needed and 3 are left"),
        ("bool", &[2], "at byte 0: a bool is 0 or 1, not 0x02"),
        ("option<u8>", &[0xff, 0], "at byte 0: an option starts with 0 (nothing) or 1 (something), not 0xff"),
        ("option<u8>", &[0, 0], "at byte 1: 1 bytes follow behind the end"),
        (
            "(u8, string)",
            &[7, 3, 0, 0, 0, b'a', 0xff, b'b'],
            ".1: at byte 5: the string is not UTF-8 from its byte 1 on",
        ),
        ("bytes", &[3, 0, 0, 0, 1, 2], "at byte 4: 3 bytes are needed and 2 are left"),
        (
            "list<u16>",
            &[3, 0, 0, 0, 1, 2, 3, 4, 5],
            "at byte 0: it says that it has 3 elements, but no more than 2 fit into the bytes that follow",
        ),
        ("list<(bool, option<bool>)>", &[2, 0, 0, 0, 0, 0, 0, 1, 2], "[1].1: at byte 8: a bool is 0 or 1, not 0x02"),
        ("address32", &[0; 31], "at byte 0: 32 bytes are needed and 31 are left"),
        ("()", &[0], "at byte 0: 1 bytes follow behind the end"),
    ];
    for (ty, bytes, message) in cases {
        let error = Value::decode(&parse(ty), bytes).expect_err(message);
        assert_eq!(error.to_string(), *message);
    }
    let error = Value::decode(&parse("bytes"), &vec![0; MAX_VALUE_BYTES + 1]).expect_err("too long");
    assert_eq!(error.to_string(), "at byte 67108864: 67108865 bytes are more than a value may take, 67108864");
    let error = Value::decode_limited(&parse("list<bool>"), &[2, 0, 0, 0, 0, 0], 2).expect_err("three values");
    assert_eq!(
        error.to_string(),
        "[1]: at byte 5: it is made of more than 2 values, and no more are read (the limit is 4194304 unless said otherwise)"
    );
}

#[test]
fn fields_are_named_in_paths() {
    let text = "struct Pay { to: u8, amount: u8 } interface i { m(p: list<Pay>); }";
    let typedef: javm_types::TypeDef = text.parse().expect("it is right");
    let ty = &typedef.methods()[0].arguments()[0].ty;
    let pay = |to: u64, amount: u64| Value::Tuple(vec![to.into(), amount.into()]);
    let error = Value::List(vec![pay(1, 2), pay(3, 300)]).encode(ty).expect_err("300");
    assert_eq!(error.to_string(), "[1].amount: 300 does not fit into u8 (0 to 255)");
    assert!(matches!(ty.kind(), Kind::List(_)));
    let error = Value::decode(ty, &[1, 0, 0, 0, 1]).expect_err("a byte is missing");
    assert_eq!(
        error.to_string(),
        "at byte 0: it says that it has 1 elements, but no more than 0 fit into the bytes that follow"
    );
}

/// What a count alone says takes no memory: nothing that is free to write can stand in a list, and the bytes that could
/// be elements are counted before anything is made.
#[test]
fn counts_without_elements_are_refused_at_once() {
    for element in ["u64", "bool", "option<()>", "list<string>", "(u8,)"] {
        let ty = Type::list(parse(element)).expect("it is right");
        for count in [1_000_000_000_u32, u32::MAX] {
            let error = Value::decode(&ty, &count.to_le_bytes()).expect_err("there is nothing").error;
            assert_eq!(error.reason, DecodeErrorReason::Count { count: count as usize, most: 0 });
        }
    }
    assert!(Type::list(Type::UNIT).is_err());
    // A list that is really long is read up to the limit, whatever its elements are.
    let ty = Type::list(Primitive::Bool.into()).expect("it is right");
    let mut bytes = vec![0; 4 + (5 << 20)];
    bytes[..4].copy_from_slice(&(5_u32 << 20).to_le_bytes());
    let error = Value::decode(&ty, &bytes).expect_err("too many").error;
    assert_eq!(error.reason, DecodeErrorReason::TooManyValues(1 << 22));
}
