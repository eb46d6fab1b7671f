//! Values as JSON and on command lines.

use javm_types::{Method, Type, TypeDef, Value, json};
use proptest::prelude::*;

use crate::strategies::{call, config, ty, typed_value};

fn parse(text: &str) -> Type {
    text.parse().expect("a type")
}

proptest! {
    #![proptest_config(config(400))]

    #[test]
    fn a_value_is_read_as_it_was_printed((ty, value) in typed_value()) {
        let json = value.json(&ty).expect("it is of the type");
        let text = json.to_string();
        // A string alone is read without quotes, unless it has them.
        prop_assert_eq!(json::parse(&ty, &text), Ok(value.clone()), "{}", text);
        let tree = json.to_value();
        prop_assert_eq!(json::parse(&ty, &tree.to_string()), Ok(value.clone()));
        let pretty = serde_json::to_string_pretty(&json).expect("memory");
        prop_assert_eq!(json::parse(&ty, &pretty), Ok(value));
    }

    #[test]
    fn arguments_are_read_one_by_one((method, values, _) in call()) {
        let texts: Vec<String> = method
            .arguments()
            .iter()
            .zip(&values)
            .map(|(argument, value)| value.json(&argument.ty).expect("it is of the type").to_string())
            .collect();
        prop_assert_eq!(json::parse_arguments(&method, &texts), Ok(values));
    }

    #[test]
    fn any_text_is_a_value_or_refused(ty in ty(), text in prop_oneof![any::<String>(), soup()]) {
        match json::parse(&ty, &text) {
            Ok(value) => prop_assert_eq!(value.check(&ty), Ok(())),
            Err(error) => prop_assert!(!error.to_string().is_empty()),
        }
    }

    #[test]
    fn values_of_another_type_are_refused_or_fit((ty, value) in typed_value(), other in ty()) {
        let text = value.json(&ty).expect("it is of the type").to_string();
        if let Ok(value) = json::parse(&other, &text) {
            prop_assert_eq!(value.check(&other), Ok(()));
        }
    }
}

fn soup() -> impl Strategy<Value = String> {
    let pieces =
        ["[", "]", "{", "}", ",", ":", "\"a\"", "null", "true", "0x", "0", "1", "-", "1e5", "300", " ", "\"0x00\""];
    proptest::collection::vec(proptest::sample::select(pieces.to_vec()), 0..12).prop_map(|pieces| pieces.concat())
}

#[test]
fn people_write_values_as_they_like() {
    let cases: &[(&str, &str, Value)] = &[
        ("u64", "5", 5_u64.into()),
        ("u64", " 0xfF ", 255_u64.into()),
        ("u64", "\"5\"", 5_u64.into()),
        ("u64", "18446744073709551615", u64::MAX.into()),
        ("i64", "-9223372036854775808", i64::MIN.into()),
        ("i8", "-0x80", (-128_i8).into()),
        ("u8", "-0", 0_u8.into()),
        ("u128", "340282366920938463463374607431768211455", u128::MAX.into()),
        (
            "list<u128>",
            "[340282366920938463463374607431768211455, \"0x10\"]",
            Value::List(vec![u128::MAX.into(), 16_u128.into()]),
        ),
        ("i128", "-170141183460469231731687303715884105728", i128::MIN.into()),
        ("bool", "true", true.into()),
        ("string", "hello world", "hello world".into()),
        ("string", " a ", " a ".into()),
        ("string", "null", "null".into()),
        ("string", "", "".into()),
        ("string", "\"\\u00e4\\n\"", "ä\n".into()),
        ("bytes", "0x", Vec::<u8>::new().into()),
        ("bytes", "0xABcd", vec![0xab_u8, 0xcd].into()),
        ("bytes", "\"0x01\"", vec![1_u8].into()),
        ("option<u8>", "null", Value::Option(None)),
        ("option<u8>", "0x7", Value::some(7_u8)),
        ("option<string>", "x", Value::some("x")),
        ("option<option<u8>>", "null", Value::Option(None)),
        ("option<option<u8>>", "[null]", Value::some(Value::Option(None))),
        ("option<option<u8>>", "[7]", Value::some(Value::some(7_u8))),
        ("option<()>", "[]", Value::some(Value::UNIT)),
        ("()", "[]", Value::UNIT),
        ("(string, u8)", "[\"a\", 3]", Value::Tuple(vec!["a".into(), 3_u8.into()])),
        (
            "list<(u8,)>",
            "[[1],[2]]",
            Value::List(vec![Value::Tuple(vec![1_u8.into()]), Value::Tuple(vec![2_u8.into()])]),
        ),
    ];
    for (ty, text, value) in cases {
        assert_eq!(json::parse(&parse(ty), text).as_ref(), Ok(value), "{ty}: {text}");
    }
}

fn pay() -> Type {
    let text = "struct Pay { to: string, amount: u8, memo: option<u8> } interface i { m(p: list<Pay>); }";
    text.parse::<TypeDef>().expect("it is right").methods()[0].arguments()[0].ty.clone()
}

#[test]
fn structs_are_objects() {
    let value =
        json::parse(&pay(), r#"[{"amount": 5, "to": "a"}, {"to": "b", "memo": 1, "amount": "0x6"}]"#).expect("right");
    assert_eq!(
        value.json(&pay()).expect("right").to_string(),
        r#"[{"to":"a","amount":5,"memo":null},{"to":"b","amount":6,"memo":1}]"#
    );
}

#[test]
fn numbers_are_printed_exactly() {
    let ty = parse("(u64, i64, u128, i128, u8)");
    let value = Value::Tuple(vec![u64::MAX.into(), i64::MIN.into(), 5_u128.into(), (-5_i128).into(), 5_u8.into()]);
    let json = value.json(&ty).expect("right");
    assert_eq!(json.to_string(), r#"[18446744073709551615,-9223372036854775808,"5","-5",5]"#);
    assert_eq!(json.to_value().to_string(), json.to_string());
    let error = value.json(&parse("u8")).expect_err("a tuple");
    assert_eq!(error.to_string(), "a value of type u8 is wanted, not a tuple");
}

#[test]
fn errors_say_what_is_wrong_and_where() {
    let digits = "9".repeat(100);
    let shown = format!("{}…", &digits[..60]);
    let cases: &[(&str, &str, &str)] = &[
        ("u8", "300", "300 does not fit into u8 (0 to 255)"),
        ("u8", "-1", "-1 does not fit into u8 (0 to 255)"),
        ("i8", "0xff", "0xff does not fit into i8 (-128 to 127)"),
        ("u128", &digits, &format!("{shown} does not fit into u128 (0 to 340282366920938463463374607431768211455)")),
        (
            "u8",
            "5.0",
            "\"5.0\" is no integer; write decimal digits, 0x and hexadecimal or 0b and binary ones, with _ between them if you like",
        ),
        (
            "u8",
            "1e2",
            "\"1e2\" is no integer; write decimal digits, 0x and hexadecimal or 0b and binary ones, with _ between them if you like",
        ),
        (
            "list<i8>",
            "[5.5]",
            "[0]: \"5.5\" is no integer; write decimal digits, 0x and hexadecimal or 0b and binary ones, with _ between them if you like",
        ),
        (
            "u8",
            "five",
            "\"five\" is no integer; write decimal digits, 0x and hexadecimal or 0b and binary ones, with _ between them if you like",
        ),
        (
            "u8",
            "+5",
            "\"+5\" is no integer; write decimal digits, 0x and hexadecimal or 0b and binary ones, with _ between them if you like",
        ),
        (
            "u8",
            "",
            "\"\" is no integer; write decimal digits, 0x and hexadecimal or 0b and binary ones, with _ between them if you like",
        ),
        ("u8", "[5]", "an integer for u8 is wanted, not an array"),
        ("list<u16>", "[true]", "[0]: an integer for u16 is wanted, not a bool"),
        (
            "u64",
            "_1",
            "\"_1\" is no integer; write decimal digits, 0x and hexadecimal or 0b and binary ones, with _ between them if you like",
        ),
        (
            "u64",
            "0b12",
            "\"0b12\" is no integer; write decimal digits, 0x and hexadecimal or 0b and binary ones, with _ between them if you like",
        ),
        ("bool", "1", "true or false is wanted, not a number"),
        ("bool", "\"true\"", "true or false is wanted, not a string"),
        ("bool", "yes", "this is no JSON: expected value at line 1 column 1"),
        ("list<bool>", "[true", "this is no JSON: EOF while parsing a list at line 1 column 5"),
        ("list<bool>", "[true] x", "this is no JSON: trailing characters at line 1 column 8"),
        ("list<string>", "[5]", "[0]: a string is wanted, not a number"),
        ("list<bytes>", "[5]", "[0]: a string of 0x and hexadecimal digits is wanted, not a number"),
        ("list<address32>", "[null]", "[0]: a string of 0x and 64 hexadecimal digits is wanted, not null"),
        ("list<bool>", "{}", "an array for list<bool> is wanted, not an object"),
        ("(bool, u8)", "\"x\"", "an array for (bool, u8) is wanted, not a string"),
        ("(bool, u8)", "[true]", "2 elements are wanted, not 1"),
        ("(bool, (u8,))", "[true, [256]]", ".1.0: 256 does not fit into u8 (0 to 255)"),
        ("option<option<u8>>", "5", "null or an array of one for option<u8> is wanted, not a number"),
        ("option<option<u8>>", "[5, 6]", "null or an array of one for option<u8> is wanted, not an array"),
        ("bytes", "0102", "bytes are written as 0x and two hexadecimal digits for each"),
        ("bytes", "0x012", "two digits make a byte, but there are 3"),
        ("bytes", "0x0é", "'é' at character 3 is not a hexadecimal digit"),
        ("address32", "0x01", "32 bytes are wanted, but there are 1"),
    ];
    for (ty, text, message) in cases {
        let error = json::parse(&parse(ty), text).expect_err(message);
        assert_eq!(error.to_string(), *message, "{ty}: {text}");
    }
    let cases = [
        (r#"[{"to": "a"}]"#, "[0]: the field amount is missing"),
        (r#"[{"to": "a", "amount": 1, "x": 2}]"#, "[0]: there is no field \"x\"; the fields are to, amount, memo"),
        (r#"[{"to": "a", "amount": 1, "to": "b"}]"#, "[0]: the field to is there twice"),
        (
            r#"[{"to": "a", "amount": 1}, {"to": "b", "amount": 300}]"#,
            "[1].amount: 300 does not fit into u8 (0 to 255)",
        ),
        (r#"[{"\ud800": 1}]"#, "[0]: this is no JSON: unexpected end of hex escape at line 1 column 9"),
        (
            r#"[{"to": "\ud800", "amount": 1}]"#,
            "[0].to: this is no JSON: unexpected end of hex escape at line 1 column 8",
        ),
        (r#"[["a", 1, null]]"#, "[0]: an object for Pay is wanted, not an array"),
    ];
    for (text, message) in cases {
        let error = json::parse(&pay(), text).expect_err(message);
        assert_eq!(error.to_string(), message);
    }
    let method: Method = "transfer(to: string, amount: u8) -> bool".parse().expect("it is right");
    let error = json::parse_arguments(&method, &["a"]).expect_err("too few");
    assert_eq!(error.to_string(), "1 arguments are given, but the method is transfer(to: string, amount: u8) -> bool");
    let error = json::parse_arguments(&method, &["a", "b"]).expect_err("no number");
    assert_eq!(
        error.to_string(),
        "amount: \"b\" is no integer; write decimal digits, 0x and hexadecimal or 0b and binary ones, with _ between them if you like"
    );
}

/// Text that is deep without end neither overflows the stack nor takes long.
#[test]
fn deep_text_is_refused() {
    for ty in ["list<list<bool>>", "bool", "u8", "option<option<u8>>"] {
        assert!(json::parse(&parse(ty), &"[".repeat(1 << 20)).is_err());
        assert!(json::parse(&parse(ty), &format!("{}{}", "[".repeat(1 << 18), "]".repeat(1 << 18))).is_err());
    }
}
