//! Types and signatures as constants.

use javm_types::{Field, Kind, Method, Primitive, Shape, ShapeError, Signature, Type, TypeError, Typed};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::strategies::{config, primitive};

/// The type that a shape stands for.
fn try_type_of(shape: Shape) -> Result<Type, TypeError> {
    match shape {
        Shape::Primitive(primitive) => Ok(primitive.into()),
        Shape::List(element) => Type::list(try_type_of(*element)?),
        Shape::Option(content) => Type::option(try_type_of(*content)?),
        Shape::Tuple(elements) => {
            Type::tuple(elements.iter().map(|&element| try_type_of(element)).collect::<Result<_, _>>()?)
        }
        Shape::Struct { name, fields } => {
            let field = |&(name, shape): &(&str, Shape)| {
                Ok(Field { name: name.parse().expect("an identifier"), ty: try_type_of(shape)? })
            };
            let fields = fields.iter().map(field).collect::<Result<_, _>>()?;
            Type::structure(name.parse().expect("an identifier"), fields)
        }
    }
}

/// The type that a shape stands for, which keeps the rules.
pub fn type_of(shape: Shape) -> Type {
    try_type_of(shape).expect("it keeps the rules")
}

/// Something that lives as long as a constant.
fn constant<T>(value: T) -> &'static T {
    Box::leak(Box::new(value))
}

fn constants<T>(values: Vec<T>) -> &'static [T] {
    Box::leak(values.into_boxed_slice())
}

fn name() -> impl Strategy<Value = &'static str> {
    prop_oneof![9 => "[a-e]{1,2}", 1 => Just("list".to_owned()), 1 => Just("u8".to_owned())]
        .prop_map(|name| -> &'static str { constant(name) })
}

/// Shapes that break rules often.
fn shape() -> impl Strategy<Value = Shape> {
    let leaf = prop_oneof![
        8 => primitive().prop_map(Shape::Primitive),
        1 => Just(Shape::UNIT),
        2 => Just(Shape::Primitive(Primitive::U8)),
    ];
    leaf.prop_recursive(18, 400, 10, |inner| {
        let inner = inner.boxed();
        prop_oneof![
            3 => inner.clone().prop_map(|element| Shape::List(constant(element))),
            4 => inner.clone().prop_map(|content| Shape::Option(constant(content))),
            1 => vec(inner.clone(), 1..10).prop_map(|elements| Shape::Tuple(constants(elements))),
            1 => (name(), vec((name(), inner), 0..4))
                .prop_map(|(name, fields)| Shape::Struct { name, fields: constants(fields) }),
        ]
    })
}

proptest! {
    #![proptest_config(config(600))]

    /// The rules and the encoding that the compiler knows are those of types.
    #[test]
    fn signatures_are_methods(arguments in vec((name(), shape()), 0..3), returns in shape()) {
        let signature = Signature { name: "m", arguments: constants(arguments), returns };
        let method = || -> Result<Method, TypeError> {
            let field = |&(name, shape): &(&str, Shape)| {
                Ok(Field { name: name.parse().expect("an identifier"), ty: try_type_of(shape)? })
            };
            let arguments = signature.arguments.iter().map(field).collect::<Result<_, TypeError>>()?;
            Method::new("m".parse().expect("a name"), arguments, try_type_of(signature.returns)?)
        };
        match method() {
            Ok(method) => {
                prop_assert_eq!(signature.check(), Ok(()));
                let bytes = method.encode();
                prop_assert_eq!(signature.encoded_len(), bytes.len());
                prop_assert_eq!(signature.takes_registers(), method.takes_registers());
                prop_assert_eq!(signature.returns_register(), method.returns_register());
                prop_assert_eq!(signature.arity(), method.arity());
                prop_assert_eq!(signature.returns.min_bytes(), method.returns().min_bytes());
                if let Ok(array) = signature.encode::<64>() {
                    prop_assert_eq!(&array[..], &bytes[..]);
                }
            }
            Err(error) => {
                prop_assert!(signature.check().is_err(), "{error}");
                prop_assert_eq!(signature.encoded_len(), 0);
                prop_assert!(signature.encode::<0>().is_err());
            }
        }
    }
}

const fn encoded<const N: usize>(signature: &Signature) -> [u8; N] {
    match signature.encode() {
        Ok(bytes) => bytes,
        Err(error) => panic!("{}", error.message()),
    }
}

#[test]
fn the_compiler_encodes_every_kind_of_type() {
    type Everything = (
        (u8, u16, u32, u64, u128),
        (i8, i16, i32, i64, i128),
        (bool, [u8; 32], Vec<u8>, String),
        Vec<Vec<Option<(u8,)>>>,
        Option<()>,
    );
    const PAIR: Shape = Shape::Struct { name: "Pair", fields: &[("a", u8::SHAPE), ("b", <Vec<bool>>::SHAPE)] };
    const ALL: Signature =
        Signature { name: "all.of-it_1", arguments: &[("x", Everything::SHAPE), ("y", PAIR)], returns: Shape::UNIT };
    static BYTES: [u8; ALL.encoded_len()] = encoded(&ALL);
    let method = Method::decode(&BYTES).expect("the compiler wrote it");
    assert_eq!(method.encode(), BYTES);
    assert_eq!(
        method.arguments()[0].ty.to_string(),
        "((u8, u16, u32, u64, u128), (i8, i16, i32, i64, i128), (bool, address32, bytes, string), \
         list<list<option<(u8,)>>>, option<()>)"
    );
    assert_eq!(method.arguments()[1].ty, type_of(PAIR));
    assert!(matches!(method.arguments()[1].ty.kind(), Kind::Struct(_)));
}

#[test]
fn every_rule_is_checked() {
    const U8: Shape = u8::SHAPE;
    static CYCLE: Shape = Shape::List(&CYCLE);
    let nine = constants(vec![U8; 9]);
    let fields = |count: usize| constants((0..count).map(|n| (constant(format!("f{n}")).as_str(), U8)).collect());
    let wide: &'static [(&str, Shape)] =
        constants((0..40).map(|n| (constant(format!("f{n}")).as_str(), Shape::Tuple(&[U8; 7]))).collect());
    let of = |returns| Signature { name: "m", arguments: &[], returns };
    let taking = |arguments| Signature { name: "m", arguments, returns: Shape::UNIT };
    let cases = [
        (Signature { name: "a b", arguments: &[], returns: U8 }, ShapeError::MethodName),
        (Signature { name: "", arguments: &[], returns: U8 }, ShapeError::MethodName),
        (taking(&[("1", U8)]), ShapeError::Identifier),
        (of(Shape::Struct { name: "a.b", fields: &[("a", U8)] }), ShapeError::Identifier),
        (taking(fields(9)), ShapeError::ArgumentCount),
        (taking(&[("a", U8), ("a", U8)]), ShapeError::ArgumentTwice),
        (taking(&[("a", U8), ("b", U8), ("b", U8)]), ShapeError::ArgumentTwice),
        (taking(&[("a", Shape::UNIT)]), ShapeError::Unit),
        (of(Shape::List(&Shape::UNIT)), ShapeError::Unit),
        (of(Shape::List(&U8)), ShapeError::ListOfU8),
        (of(Shape::Tuple(nine)), ShapeError::TupleLength),
        (of(Shape::Struct { name: "S", fields: &[] }), ShapeError::FieldCount),
        (of(Shape::Struct { name: "S", fields: fields(65) }), ShapeError::FieldCount),
        (of(Shape::Struct { name: "S", fields: &[("a", U8), ("b", U8), ("a", U8)] }), ShapeError::FieldTwice),
        (of(Shape::Struct { name: "i128", fields: &[("a", U8)] }), ShapeError::ReservedName),
        (of(CYCLE), ShapeError::TooDeep),
        (of(Shape::Struct { name: "S", fields: wide }), ShapeError::TooLarge),
    ];
    for (signature, error) in cases {
        assert_eq!(signature.check(), Err(error), "{signature:?}");
        assert_eq!(signature.encode::<8>(), Err(error));
        assert_eq!(error.to_string(), error.message());
    }
    assert_eq!(of(U8).encode::<4>(), Err(ShapeError::Size));
    assert_eq!(of(U8).encode(), Ok([1, 1, b'm', 0, 0x10]));
}
