//! Random types, values and interfaces, and the settings of property tests.

use javm_types::{Address, Field, Identifier, Kind, Method, MethodName, Primitive, Type, TypeDef, Value};
use proptest::collection::{btree_set, vec};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed};

/// Property tests run the same cases each time; a failure prints the smallest one. `PROPTEST_CASES` and
/// `PROPTEST_RNG_SEED` ask for others.
pub fn config(cases: u32) -> Config {
    let asked = |name| std::env::var_os(name).is_some();
    let mut config = Config { failure_persistence: None, ..Config::default() };
    if !asked("PROPTEST_CASES") {
        config.cases = cases;
    }
    if !asked("PROPTEST_RNG_SEED") {
        config.rng_seed = RngSeed::Fixed(1);
    }
    config
}

pub fn identifier() -> impl Strategy<Value = Identifier> {
    "[A-Za-z_][A-Za-z0-9_]{0,47}".prop_map(|name| name.parse().expect("an identifier"))
}

fn method_name() -> impl Strategy<Value = MethodName> {
    prop_oneof!["[A-Za-z0-9_.-]{1,48}", "(struct|interface|list|-|->?)"]
        .prop_filter_map("a name", |name| name.parse().ok())
}

pub fn primitive() -> impl Strategy<Value = Primitive> {
    proptest::sample::select(Primitive::ALL)
}

fn fields(ty: impl Strategy<Value = Type>, count: core::ops::Range<usize>) -> impl Strategy<Value = Vec<Field>> {
    (btree_set(identifier(), count.clone()), vec(ty, count.end - 1), any::<u64>()).prop_map(|(names, types, order)| {
        let mut fields: Vec<Field> = names.into_iter().zip(types).map(|(name, ty)| Field { name, ty }).collect();
        // Sets are sorted, fields need not be.
        if !fields.is_empty() {
            let middle = order as usize % fields.len();
            fields.rotate_left(middle);
        }
        fields
    })
}

/// A struct whose name follows from its fields, so that no two with one name differ.
fn structure(fields: Vec<Field>) -> Option<Type> {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in format!("{fields:?}").bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
    }
    Type::structure(format!("S{hash:x}").parse().expect("an identifier"), fields).ok()
}

/// Any type but `()`.
pub fn part() -> impl Strategy<Value = Type> {
    let leaf = primitive().prop_map(Type::from);
    leaf.prop_recursive(5, 40, 5, |inner| {
        let inner = inner.boxed();
        prop_oneof![
            inner.clone().prop_filter_map("bytes are no list", |element| Type::list(element).ok()),
            prop_oneof![9 => inner.clone(), 1 => Just(Type::UNIT)]
                .prop_filter_map("small enough", |content| Type::option(content).ok()),
            vec(inner.clone(), 1..5).prop_filter_map("small enough", |elements| Type::tuple(elements).ok()),
            fields(inner, 1..5).prop_filter_map("small enough", structure),
        ]
    })
}

pub fn ty() -> impl Strategy<Value = Type> {
    prop_oneof![19 => part(), 1 => Just(Type::UNIT)]
}

/// Scalars often enough that calls in registers come up.
fn argument() -> impl Strategy<Value = Type> {
    prop_oneof![primitive().prop_map(Type::from), part()]
}

pub fn method() -> impl Strategy<Value = Method> {
    let returns = prop_oneof![3 => argument(), 1 => Just(Type::UNIT)];
    (method_name(), fields(argument(), 0..6), returns)
        .prop_map(|(name, arguments, returns)| Method::new(name, arguments, returns).expect("it keeps the rules"))
}

pub fn typedef() -> impl Strategy<Value = TypeDef> {
    (identifier(), vec(method(), 0..6)).prop_map(|(name, mut methods)| {
        let mut seen = std::collections::BTreeSet::new();
        methods.retain(|method| seen.insert(method.name().clone()));
        TypeDef::new(name, methods).expect("it keeps the rules")
    })
}

/// A value of the type.
pub fn value(ty: &Type) -> BoxedStrategy<Value> {
    match ty.kind() {
        Kind::Primitive(primitive) => primitive_value(*primitive),
        Kind::List(element) => vec(value(element), 0..4).prop_map(Value::List).boxed(),
        Kind::Option(content) => {
            proptest::option::of(value(content)).prop_map(|content| Value::Option(content.map(Box::new))).boxed()
        }
        Kind::Tuple(elements) => elements.iter().map(value).collect::<Vec<_>>().prop_map(Value::Tuple).boxed(),
        Kind::Struct(structure) => {
            structure.fields.iter().map(|field| value(&field.ty)).collect::<Vec<_>>().prop_map(Value::Tuple).boxed()
        }
    }
}

fn primitive_value(ty: Primitive) -> BoxedStrategy<Value> {
    if let Some(integer) = ty.integer() {
        let above = 128 - integer.bits;
        return if integer.signed {
            let number = prop_oneof![Just(integer.min()), Just(integer.max() as i128), -3..=3_i128, any::<i128>()];
            number.prop_map(move |number| Value::Signed(number << above >> above)).boxed()
        } else {
            let number = prop_oneof![Just(integer.max()), 0..=3_u128, any::<u128>()];
            number.prop_map(move |number| Value::Unsigned(number << above >> above)).boxed()
        };
    }
    match ty {
        Primitive::Bool => any::<bool>().prop_map(Value::Bool).boxed(),
        Primitive::Address => any::<[u8; 32]>().prop_map(|bytes| Value::Address(Address(bytes))).boxed(),
        Primitive::Bytes => vec(any::<u8>(), 0..9).prop_map(Value::Bytes).boxed(),
        _ => any::<String>().prop_map(Value::String).boxed(),
    }
}

/// A type with values of it.
pub fn typed_value() -> impl Strategy<Value = (Type, Value)> {
    ty().prop_flat_map(|ty| {
        let values = value(&ty);
        (Just(ty), values)
    })
}

/// A method with arguments for it, and a result.
pub fn call() -> impl Strategy<Value = (Method, Vec<Value>, Value)> {
    method().prop_flat_map(|method| {
        let arguments: Vec<_> = method.arguments().iter().map(|argument| value(&argument.ty)).collect();
        let result = value(method.returns());
        (Just(method), arguments, result)
    })
}

/// What to do to bytes so that they are others.
#[derive(Clone, Debug)]
pub struct Mutation {
    changes: Vec<(prop::sample::Index, u8)>,
    cut: Option<prop::sample::Index>,
    inserted: Option<(prop::sample::Index, u8)>,
}

pub fn mutation() -> impl Strategy<Value = Mutation> {
    let byte = || prop_oneof![any::<u8>(), 0..4_u8];
    let index = any::<prop::sample::Index>;
    let parts = (
        vec((index(), byte()), 0..4),
        prop::option::weighted(0.2, index()),
        prop::option::weighted(0.2, (index(), byte())),
    );
    parts.prop_map(|(changes, cut, inserted)| Mutation { changes, cut, inserted })
}

impl Mutation {
    pub fn apply(&self, bytes: &[u8]) -> Vec<u8> {
        let mut bytes = bytes.to_vec();
        for (place, value) in &self.changes {
            if !bytes.is_empty() {
                let place = place.index(bytes.len());
                bytes[place] = *value;
            }
        }
        if let Some(cut) = self.cut {
            bytes.truncate(cut.index(bytes.len() + 1));
        }
        if let Some((place, value)) = self.inserted {
            bytes.insert(place.index(bytes.len() + 1), value);
        }
        bytes
    }
}
