//! Types, methods and TypeDefs: their rules and their canonical encoding.

use javm_types::limits::{MAX_STRUCTS, MAX_TYPE_DEPTH, MAX_TYPEDEF_BYTES};
use javm_types::{DefinitionError, Field, Method, Primitive, Type, TypeDef, TypeError};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::strategies::{config, method, mutation, typedef};

/// What is accepted must be written again as it was read, and must be readable as text.
fn refused_or_canonical(bytes: &[u8]) -> Result<(), TestCaseError> {
    match TypeDef::decode(bytes) {
        Ok(typedef) => {
            prop_assert_eq!(typedef.encode(), bytes);
            prop_assert_eq!(typedef.to_string().parse(), Ok(typedef));
        }
        Err(error) => prop_assert!(error.offset <= bytes.len() && !error.to_string().is_empty(), "{error}"),
    }
    if let Ok((method, used)) = Method::decode_first(bytes) {
        prop_assert_eq!(method.encode(), &bytes[..used]);
    }
    Ok(())
}

proptest! {
    #![proptest_config(config(300))]

    #[test]
    fn a_typedef_is_read_as_it_was_written(typedef in typedef(), cut in any::<prop::sample::Index>()) {
        let bytes = typedef.encode();
        prop_assert_eq!(TypeDef::decode(&bytes), Ok(typedef.clone()));
        prop_assert!(TypeDef::decode(&bytes[..cut.index(bytes.len())]).is_err());
        for (number, method) in typedef.methods().iter().enumerate() {
            prop_assert_eq!(typedef.method(method.name()), Some((number as u16, method)));
        }
    }

    #[test]
    fn signatures_are_read_one_by_one(methods in vec(method(), 0..4)) {
        let mut bytes: Vec<u8> = methods.iter().flat_map(Method::encode).collect();
        for method in methods {
            prop_assert_eq!(Method::decode(&method.encode()), Ok(method.clone()));
            let (read, used) = Method::decode_first(&bytes).expect("there is one");
            prop_assert_eq!(read, method);
            bytes.drain(..used);
        }
        prop_assert!(bytes.is_empty());
    }

    #[test]
    fn a_changed_typedef_is_refused_or_canonical(typedef in typedef(), mutation in mutation()) {
        refused_or_canonical(&mutation.apply(&typedef.encode()))?;
    }

    #[test]
    fn any_bytes_are_refused_or_canonical(bytes in vec(prop_oneof![0..4_u8, 0x10..0x24_u8, Just(b'a'), any::<u8>()], 0..200)) {
        refused_or_canonical(&bytes)?;
        let mut with_head = b"\x01\x01a\x01\x00\x01m\x01\x01x".to_vec();
        with_head.extend(bytes);
        refused_or_canonical(&with_head)?;
    }
}

/// Each byte of an encoding says something.
#[test]
fn every_changed_bit_of_a_typedef_is_noticed() {
    let text = "struct P { x: i8, y: option<u16> } interface i { a(p: P, q: list<P>) -> (bool, (u64,)); b.c(); }";
    let bytes = text.parse::<TypeDef>().expect("it is right").encode();
    for place in 0..bytes.len() {
        assert!(TypeDef::decode(&bytes[..place]).is_err(), "cut at {place}");
        for bit in 0..8 {
            let mut changed = bytes.clone();
            changed[place] ^= 1 << bit;
            if let Ok(other) = TypeDef::decode(&changed) {
                assert_eq!(other.encode(), changed, "bit {bit} of byte {place}");
            }
        }
    }
}

fn named(name: &str, ty: Type) -> Field {
    Field { name: name.parse().expect("an identifier"), ty }
}

fn u8s() -> Type {
    Primitive::U8.into()
}

fn structure(name: &str, fields: Vec<Field>) -> Result<Type, TypeError> {
    Type::structure(name.parse().expect("an identifier"), fields)
}

fn method_of(name: &str, arguments: Vec<Field>) -> Result<Method, TypeError> {
    Method::new(name.parse().expect("a name"), arguments, Type::UNIT)
}

fn interface(methods: Vec<Method>) -> Result<TypeDef, TypeError> {
    TypeDef::new("i".parse().expect("an identifier"), methods)
}

/// This many types, one in the other.
fn nested(depth: usize) -> Result<Type, TypeError> {
    (1..depth).try_fold(u8s(), |inner, _| Type::option(inner))
}

#[test]
fn rules_of_types_are_kept() {
    let message = |made: Result<Type, TypeError>| made.expect_err("it breaks a rule").to_string();
    let unit = "() says nothing here; it stands only for what a method returns, or in an option";
    assert_eq!(message(Type::list(Type::UNIT)), unit);
    assert_eq!(message(Type::tuple(vec![u8s(), Type::UNIT])), unit);
    assert_eq!(message(structure("S", vec![named("a", Type::UNIT)])), unit);
    assert_eq!(message(Type::list(u8s())), "list<u8> is written bytes");
    assert_eq!(message(Type::tuple(vec![u8s(); 9])), "a tuple has at most 8 elements, not 9; a struct may have more");
    assert_eq!(message(structure("S", vec![])), "a struct has 1 to 64 fields, not 0");
    let fields = |count: usize| (0..count).map(|n| named(&format!("f{n}"), u8s())).collect::<Vec<_>>();
    assert!(structure("S", fields(64)).is_ok());
    assert_eq!(message(structure("S", fields(65))), "a struct has 1 to 64 fields, not 65");
    assert_eq!(
        message(structure("S", vec![named("a", u8s()), named("b", u8s()), named("a", u8s())])),
        "there are two fields named a"
    );
    for word in ["u64", "address32", "list", "option", "struct", "interface"] {
        let expected = format!("{word} is a word of the language; a struct cannot have that name");
        assert_eq!(message(structure(word, vec![named("a", u8s())])), expected);
    }
    assert!(nested(MAX_TYPE_DEPTH).is_ok());
    assert_eq!(message(nested(MAX_TYPE_DEPTH + 1)), "more than 16 types stand one inside of the other");
    let wide = Type::tuple(vec![u8s(); 7]).expect("short");
    let mut large = vec![named("a", wide.clone())];
    large.extend((0..30).map(|n| named(&format!("f{n}"), wide.clone())));
    assert!(structure("S", large.clone()).is_ok(), "249");
    large.push(named("z", wide));
    assert_eq!(
        message(structure("S", large)),
        "the type consists of 257 types, each repetition counted; 256 are the limit"
    );
    assert_eq!(Type::tuple(vec![]), Ok(Type::UNIT));
}

#[test]
fn only_unit_takes_no_bytes() {
    assert_eq!(Type::UNIT.min_bytes(), 0);
    for primitive in Primitive::ALL {
        assert!(Type::from(*primitive).min_bytes() > 0, "{primitive}");
    }
    let option = Type::option(Type::UNIT).expect("allowed");
    assert_eq!((option.min_bytes(), Type::list(option.clone()).map(|list| list.min_bytes())), (1, Ok(4)));
    let largest = structure(
        "S",
        (0..31)
            .map(|n| {
                let wide = Type::tuple(vec![Primitive::Address.into(); 7]).expect("short");
                named(&format!("f{n}"), wide)
            })
            .collect(),
    );
    assert_eq!(largest.expect("249 types").min_bytes(), 31 * 7 * 32);
}

#[test]
fn rules_of_methods_and_interfaces_are_kept() {
    let message = |made: Result<TypeDef, TypeError>| made.expect_err("it breaks a rule").to_string();
    let arguments = |count: usize| (0..count).map(|n| named(&format!("a{n}"), u8s())).collect::<Vec<_>>();
    assert!(method_of("m", arguments(8)).is_ok());
    let error = method_of("m", arguments(9)).expect_err("too many");
    assert_eq!(error.to_string(), "a method has at most 8 arguments, not 9; a struct may have more fields");
    let error = method_of("m", vec![named("a", u8s()), named("a", u8s())]).expect_err("twice");
    assert_eq!(error.to_string(), "there are two arguments named a");
    assert_eq!(method_of("m", vec![named("a", Type::UNIT)]), Err(TypeError::Unit));

    let methods = |count: usize| -> Vec<Method> {
        (0..count).map(|n| method_of(&format!("m{n}"), vec![]).expect("it is right")).collect()
    };
    assert!(interface(methods(256)).is_ok());
    assert_eq!(message(interface(methods(257))), "an interface has at most 256 methods, not 257");
    let twice = vec![methods(1)[0].clone(), methods(1)[0].clone()];
    assert_eq!(message(interface(twice)), "there are two methods named m0");

    let s = |field: &str| structure("S", vec![named(field, u8s())]).expect("it is right");
    let m = |name: &str, ty: Type| method_of(name, vec![named("a", ty)]).expect("it is right");
    assert!(interface(vec![m("m", s("x")), m("n", Type::list(s("x")).expect("short"))]).is_ok());
    assert_eq!(
        message(interface(vec![m("m", s("x")), m("n", Type::list(s("y")).expect("short"))])),
        "the struct S has other fields in method n than in method m"
    );

    let many = |count: usize| -> Vec<Method> {
        let one = |n: usize| structure(&format!("S{n}"), vec![named("a", u8s())]).expect("it is right");
        let argument = |n: usize| named(&format!("a{n}"), one(n));
        let all: Vec<Field> = (0..count).map(argument).collect();
        all.chunks(8).enumerate().map(|(n, part)| method_of(&format!("m{n}"), part.to_vec()).expect("right")).collect()
    };
    assert!(interface(many(MAX_STRUCTS)).is_ok());
    assert_eq!(message(interface(many(MAX_STRUCTS + 1))), "an interface has at most 256 structs, not 257");

    let long = |n: usize| format!("{n:0>48}").replace('0', "_");
    let wide = structure("S", (0..64).map(|n| named(&long(n), u8s())).collect()).expect("it is right");
    let all = |count| (0..count).map(|n| m(&format!("m{n:02}"), wide.clone())).collect::<Vec<_>>();
    // Name, number of arguments, name of the argument; tag, name, number of fields; the fields; what it returns.
    let (most, each) = (20, 4 + 1 + 2 + (1 + 2 + 1) + 64 * 50 + 2);
    let typedef = interface(all(most)).expect("short enough");
    assert_eq!(typedef.encode().len(), 5 + most * each);
    assert_eq!(TypeDef::decode(&typedef.encode()), Ok(typedef));
    assert_eq!(
        message(interface(all(most + 1))),
        format!("the encoding takes {} bytes; {MAX_TYPEDEF_BYTES} are the limit", 5 + (most + 1) * each)
    );
}

/// Bytes of a TypeDef: the head, and then those of its methods.
fn typedef_bytes(methods: &[&[u8]]) -> Vec<u8> {
    let mut bytes = vec![1, 1, b'i'];
    bytes.extend((methods.len() as u16).to_le_bytes());
    bytes.extend(methods.concat());
    bytes
}

#[test]
fn errors_of_encodings_say_what_is_wrong_and_where() {
    let deep = [[1, b'm', 0].as_slice(), &[0x21; 16], &[0x10]].concat();
    let cases: &[(Vec<u8>, &str)] = &[
        (vec![], "version, at byte 0: 1 bytes are needed and 0 are left"),
        (vec![2, 0], "version, at byte 0: version 2 is not known (only version 1 is)"),
        (vec![1, 0], "name, at byte 1: a name has 1 to 48 bytes, not 0"),
        (vec![1, 2, b'i'], "name, at byte 2: 2 bytes are needed and 1 are left"),
        (
            vec![1, 2, b'i', b'-', 0, 0],
            "name, at byte 1: byte 1 of the name is 0x2d; letters, '_' and, behind the first, digits are allowed",
        ),
        (vec![1, 1, b'i', 1], "number of methods, at byte 3: 2 bytes are needed and 1 are left"),
        (vec![1, 1, b'i', 1, 1], "number of methods, at byte 3: 257 is more than the limit of 256"),
        (vec![1, 1, b'i', 0, 0, 0, 0], "end, at byte 5: 2 bytes follow behind the end"),
        (
            typedef_bytes(&[&[1, b' ', 0, 0x10]]),
            "method 0: name, at byte 5: byte 0 of the name is 0x20; letters, digits, '_', '.' and '-' are allowed",
        ),
        (
            typedef_bytes(&[&[1, b'm', 9, 0x10]]),
            "method 0: number of arguments, at byte 7: 9 is more than the limit of 8",
        ),
        (
            typedef_bytes(&[&[1, b'm', 0, 0x10], &[1, b'n', 2, 1, b'a', 0x10, 1, b'b', 0x15]]),
            "method 1: argument 1: type, at byte 17: 0x15 stands for no type",
        ),
        (
            typedef_bytes(&[&[1, b'm', 1, 1, b'a', 0x20, 0x10, 0x10]]),
            "method 0: argument 0: type, at byte 10: list<u8> is written bytes",
        ),
        (
            typedef_bytes(&[&[1, b'm', 2, 1, b'a', 0x10, 1, b'a', 0x10, 0x10]]),
            "method 0: method, at byte 5: there are two arguments named a",
        ),
        (
            typedef_bytes(&[&[1, b'm', 0, 0x22, 9]]),
            "method 0: number of elements, at byte 9: 9 is more than the limit of 8",
        ),
        (
            typedef_bytes(&[&[1, b'm', 0, 0x23, 1, b'S', 65]]),
            "method 0: number of fields, at byte 11: 65 is more than the limit of 64",
        ),
        (
            typedef_bytes(&[&[1, b'm', 0, 0x23, 1, b'S', 0]]),
            "method 0: type, at byte 8: a struct has 1 to 64 fields, not 0",
        ),
        (
            typedef_bytes(&[&[1, b'm', 0, 0x23, 1, b'0', 0]]),
            "method 0: name of a struct, at byte 9: byte 0 of the name is 0x30; letters, '_' and, behind the first, digits are allowed",
        ),
        (
            typedef_bytes(&[&[1, b'm', 0, 0x23, 1, b'S', 1, 0]]),
            "method 0: name of a field, at byte 12: a name has 1 to 48 bytes, not 0",
        ),
        (typedef_bytes(&[&deep]), "method 0: type, at byte 24: more than 16 types stand one inside of the other"),
        (
            typedef_bytes(&[&[1, b'm', 0, 0x10], &[1, b'm', 0, 0x10]]),
            "interface, at byte 0: there are two methods named m",
        ),
        (vec![1; MAX_TYPEDEF_BYTES + 1], "end, at byte 65536: 65537 bytes are more than a TypeDef may have, 65536"),
    ];
    for (bytes, message) in cases {
        let error: DefinitionError = TypeDef::decode(bytes).expect_err(message);
        assert_eq!(error.to_string(), *message);
    }
    let error = Method::decode(&[1, 1, b'm', 0, 0x10, 7]).expect_err("a byte too many");
    assert_eq!(error.to_string(), "end, at byte 5: 1 bytes follow behind the end");
    let error = Method::decode(&[1, 1, b'm', 1, 1, b'a', 0x22, 0, 0x10]).expect_err("a unit");
    assert!(error.to_string().starts_with("method, at byte 1: () says nothing here"), "{error}");
}

/// A few bytes that repeat themselves cannot make the reader build what fills memory.
#[test]
fn types_that_grow_by_repetition_are_refused() {
    // Tuples of eight, sixteen deep, would be 8^15 types; the bytes that say so end long before.
    let mut bytes = vec![1, 1, b'm', 0];
    bytes.extend([0x22, 8].repeat(15));
    bytes.extend([0x10; 1000]);
    assert!(Method::decode(&bytes).is_err());
}
