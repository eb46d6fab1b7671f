//! Interfaces, as bytes and as text. Whatever the bytes are:
//! - as an encoding they are exactly that of the interface or the signature which is read, or refused with a place;
//! - as text they are an interface, a method or a type, or refused with a line and column that the text has;
//! - an interface is the same again after its encoding and after its text.

use javm_types::limits::{MAX_TYPE_DEPTH, MAX_TYPE_NODES};
use javm_types::{DefinitionError, Kind, Method, ParseError, Type, TypeDef};
use rand::RngExt;
use rand::seq::IndexedRandom;

use crate::{Random, Reached, Target, mutation, text};

/// This target.
pub const TARGET: Target = Target { name: "interface", run, generate, mutate, repair: |_| {}, least_accepted: 15 };

/// Interfaces to start from.
pub const EXAMPLES: &[(&str, &str)] = &[
    ("counter", "interface counter { add(amount: u64) -> u64; reset(); }"),
    (
        "token",
        "struct account { owner: address32, balance: u128, }
        struct page { accounts: list<account>, next: option<address32>, }
        interface token {
            // Moves an amount, if there is as much.
            transfer(to: address32, amount: u128) -> bool;
            balance(of: address32) -> u128;
            accounts(from: option<address32>, most: u8) -> page;
            rename(name: string, symbol: string, decimals: option<u8>);
        }",
    ),
    (
        "odd",
        "interface odd {
            nothing();
            nested(a: list<list<option<(i8, i16, i32, i64)>>>, b: (bool,), c: option<()>) -> ((u8, u16), (u32,), bytes);
            signed-1.x(value: i128) -> option<option<string>>;
        }",
    ),
];

fn run(bytes: &[u8]) -> Reached {
    let mut reached = Reached::Refused;
    match TypeDef::decode(bytes) {
        Ok(typedef) => {
            assert!(typedef.encode() == bytes, "the encoding is another: {typedef}");
            check(&typedef);
            reached = Reached::Accepted;
        }
        Err(error) => check_error(&error, bytes),
    }
    match Method::decode(bytes) {
        Ok(method) => {
            assert!(method.encode() == bytes, "the encoding is another: {method}");
            assert!(Method::decode_first(bytes).as_ref() == Ok(&(method, bytes.len())));
            reached = Reached::Accepted;
        }
        Err(error) => check_error(&error, bytes),
    }
    if let Ok(text) = str::from_utf8(bytes) {
        match text.parse::<TypeDef>() {
            Ok(typedef) => {
                check(&typedef);
                reached = Reached::Accepted;
            }
            Err(error) => check_place(&error, text),
        }
        if let Err(error) = text.parse::<Method>() {
            check_place(&error, text);
        }
        match text.parse::<Type>() {
            Ok(ty) => assert_eq!(ty.to_string().parse().as_ref(), Ok(&ty), "the type's own text"),
            Err(error) => check_place(&error, text),
        }
    }
    reached
}

fn check(typedef: &TypeDef) {
    assert_eq!(TypeDef::decode(&typedef.encode()).as_ref(), Ok(typedef), "read from its encoding");
    let text = typedef.to_string();
    assert_eq!(text.parse().as_ref(), Ok(typedef), "read from its text:\n{text}");
    for (number, method) in (0..).zip(typedef.methods()) {
        assert_eq!(typedef.method(method.name().as_str()), Some((number, method)));
        assert_eq!(Method::decode(&method.encode()).as_ref(), Ok(method), "a signature read from its encoding");
        assert!(method.arity() <= 4 && (method.takes_registers() || method.arity() == 1));
        let arguments = method.arguments().iter().map(|argument| &argument.ty);
        arguments.chain([method.returns()]).for_each(check_type);
    }
}

/// A type is within its bounds, whichever way it came about.
fn check_type(ty: &Type) {
    let (depth, nodes) = size(ty);
    assert!(depth <= MAX_TYPE_DEPTH, "{depth} types stand one inside of the other in {ty}");
    assert!(nodes <= MAX_TYPE_NODES, "{ty} consists of {nodes} types");
    assert!(ty.min_bytes() > 0 || ty.is_unit(), "values of {ty} are free");
}

/// How deep a type is, and of how many types it consists.
fn size(ty: &Type) -> (usize, usize) {
    let parts: Vec<&Type> = match ty.kind() {
        Kind::Primitive(_) => Vec::new(),
        Kind::List(part) | Kind::Option(part) => vec![part],
        Kind::Tuple(elements) => elements.iter().collect(),
        Kind::Struct(structure) => structure.fields.iter().map(|field| &field.ty).collect(),
    };
    let sizes = parts.into_iter().map(size);
    let (depth, nodes) = sizes.fold((0, 0), |(depth, nodes), part| (depth.max(part.0), nodes + part.1));
    (depth + 1, nodes + 1)
}

fn check_error(error: &DefinitionError, bytes: &[u8]) {
    assert!(error.offset <= bytes.len(), "{error} in {} bytes", bytes.len());
    assert!(!error.to_string().is_empty());
}

fn check_place(error: &ParseError, text: &str) {
    // At the end of the text there may be a line more than the text has.
    let line = error.line.checked_sub(1).map(|line| text.split('\n').nth(line).unwrap_or_default());
    let columns = line.map(|line| line.chars().count() + 1);
    assert!(columns.is_some_and(|columns| (1..=columns).contains(&error.column)), "{error}: no such place in {text:?}");
}

fn generate(random: &mut Random) -> Vec<u8> {
    let text = EXAMPLES.choose(random).map_or("", |example| example.1);
    match text.parse::<TypeDef>() {
        Ok(typedef) if random.random() => typedef.encode(),
        Ok(typedef) => typedef.to_string().into_bytes(),
        Err(error) => panic!("an example that is no interface: {error}"),
    }
}

const WORDS: &[&str] = &[
    "interface",
    "struct",
    "list",
    "option",
    "<",
    ">",
    "(",
    ")",
    "{",
    "}",
    ",",
    ";",
    ":",
    "->",
    "//",
    "\n",
    "u8",
    "u16",
    "u32",
    "u64",
    "u128",
    "i8",
    "i64",
    "bool",
    "string",
    "bytes",
    "address32",
    "()",
    "a",
    "account",
    "page",
    "list<u8>",
    "list<u16>",
    "option<",
    "list<",
    "é",
    "\t",
    "x-y.z",
    "account, a: account",
];

fn mutate(random: &mut Random, bytes: &mut Vec<u8>, other: &[u8]) {
    match bytes.first() {
        Some(0..9) | None => mutation::bytes(random, bytes, other),
        Some(_) if random.random_ratio(1, 8) => nest(random, bytes),
        Some(_) => text::mutate(random, bytes, other, WORDS),
    }
}

/// Puts a type into lists and options, or into tuples of itself.
fn nest(random: &mut Random, bytes: &mut Vec<u8>) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    let types = ["u64", "u128", "bool", "string", "address32", "account", "bytes"];
    let name = types.choose(random).copied().unwrap_or_default();
    let places: Vec<usize> = text.match_indices(name).map(|(at, _)| at).collect();
    let Some(&at) = places.choose(random) else { return };
    let mut nested = String::from(name);
    for _ in 0..random.random_range(1..20) {
        nested = match random.random_range(0..12) {
            0..6 => format!("list<{nested}>"),
            6..11 => format!("option<{nested}>"),
            _ if nested.len() < 500 => format!("({nested}, {nested})"),
            _ => break,
        };
    }
    *bytes = [&text[..at], &nested, &text[at + name.len()..]].concat().into_bytes();
}
