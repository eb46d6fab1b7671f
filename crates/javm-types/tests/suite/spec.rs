//! The page `docs/spec/types.md` says what the code does: its tables and examples are read and computed here.

use javm_types::{
    Method, Primitive, Type, TypeDef, Value, json, lift_arguments, lift_result, limits, lower_arguments, lower_result,
};

const PAGE: &str = include_str!("../../../../docs/spec/types.md");

/// The lines of the fenced block with this head.
fn block(head: &str) -> Vec<&'static str> {
    let found = PAGE.split("\n```").find_map(|block| {
        let (first, rest) = block.split_once('\n')?;
        let (name, lines) = if first == "text" { rest.split_once('\n')? } else { (first, rest) };
        name.split_whitespace().eq(head.split_whitespace()).then(|| lines.lines().collect())
    });
    found.unwrap_or_else(|| panic!("no block {head}"))
}

/// What stands behind a word at the start of lines.
fn fields(lines: &[&'static str], name: &str) -> Vec<&'static str> {
    lines.iter().filter_map(|line| line.strip_prefix(name)?.strip_prefix(' ')).map(str::trim).collect()
}

fn bytes(hex: &str) -> Vec<u8> {
    assert!(hex.len().is_multiple_of(2), "half a byte in {hex}");
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hexadecimal")).collect()
}

fn number(text: &str) -> u64 {
    match text.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16),
        None => text.parse(),
    }
    .unwrap_or_else(|_| panic!("{text} is no number"))
}

/// The cells of the rows of the table with this head.
fn table(head: &str) -> Vec<Vec<&'static str>> {
    let rows = PAGE.split(head).nth(1).unwrap_or_else(|| panic!("no table {head}")).lines().skip(2);
    let rows: Vec<Vec<&str>> = rows
        .take_while(|line| line.starts_with('|'))
        .map(|line| line.trim_matches('|').split('|').map(|cell| cell.trim().trim_matches('`')).collect())
        .collect();
    assert!(!rows.is_empty(), "{head}");
    rows
}

/// The bytes of a listing, whose offsets are right.
fn listing(lines: &[&str]) -> Vec<u8> {
    let mut encoding = Vec::new();
    for line in lines.iter().filter(|line| !line.starts_with("hash")) {
        let mut words = line.split_whitespace();
        let offset = usize::from_str_radix(words.next().expect("an offset"), 16).expect("hexadecimal");
        assert_eq!(offset, encoding.len(), "{line}");
        encoding.extend(bytes(words.next().expect("bytes")));
    }
    encoding
}

#[test]
fn the_primitives_are_those_of_the_page() {
    let rows: Vec<(u64, &str, u64)> = table("| number | primitive | values | bytes at least |")
        .iter()
        .map(|row| (number(row[0]), row[1], number(row[3])))
        .collect();
    let primitives: Vec<(u64, &str, u64)> =
        Primitive::ALL.iter().map(|ty| (ty.number().into(), ty.name(), ty.min_bytes() as u64)).collect();
    assert_eq!(rows, primitives);
    for row in table("| number | primitive | values | bytes at least |") {
        let primitive = Primitive::from_name(row[1]).expect("there is one");
        assert_eq!(Primitive::from_number(number(row[0]) as u8), Some(primitive));
        if let (Some(integer), Some((_, power))) = (primitive.integer(), row[2].split_once("to 2^")) {
            let power: u32 = power.trim_end_matches(" - 1").parse().expect("a power");
            assert_eq!(integer.max(), u128::MAX >> (128 - power), "{primitive}");
            assert_eq!(integer.min() == 0, row[2].starts_with('0'), "{primitive}");
            assert_eq!(integer.bits, power + u32::from(integer.signed), "{primitive}");
        }
    }
}

#[test]
fn the_limits_are_those_of_the_page() {
    let rows: Vec<(&str, u64)> = table("| name | value | why |").iter().map(|row| (row[0], number(row[1]))).collect();
    macro_rules! limits {
        ($($name:ident)*) => { vec![$((stringify!($name), limits::$name as u64)),*] };
    }
    let expected = limits! {
        MAX_NAME_BYTES MAX_TYPE_DEPTH MAX_TYPE_NODES MAX_TUPLE_ELEMENTS MAX_FIELDS MAX_ARGUMENTS MAX_METHODS MAX_STRUCTS
        MAX_TYPEDEF_BYTES MAX_TEXT_BYTES MAX_VALUE_BYTES ARGUMENT_REGISTERS
    };
    assert_eq!(rows, expected);
    assert!(PAGE.contains("2^22 values") && limits::MAX_DECODED_VALUES == 1 << 22);
}

#[test]
fn the_examples_of_typedefs() {
    for name in ["token", "everything"] {
        let text = block(&format!("typedef {name}")).join("\n") + "\n";
        let typedef: TypeDef = text.parse().unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(typedef.to_string(), text, "{name}");
        let lines = block(&format!("example {name}"));
        let encoding = listing(&lines);
        assert_eq!(TypeDef::decode(&encoding).as_ref(), Ok(&typedef), "{name}");
        assert_eq!(typedef.encode(), encoding, "{name}");
        let hash = blake2b_simd::Params::new().hash_length(32).to_state().update(&[0x13]).update(&encoding).finalize();
        assert_eq!(fields(&lines, "hash"), [hash.to_hex().as_str()], "{name}");
    }
}

#[test]
fn the_example_of_a_signature() {
    let method: Method = "add(amount: u8) -> u64".parse().expect("it is right");
    let encoding = listing(&block("example add"));
    assert_eq!(method.encode(), encoding);
    assert_eq!(Method::decode(&encoding), Ok(method));
}

#[test]
fn the_examples_of_values() {
    for row in table("| type | as JSON | encoding |") {
        let ty: Type = row[0].parse().expect("a type");
        let value = json::parse(&ty, row[1]).unwrap_or_else(|error| panic!("{row:?}: {error}"));
        assert_eq!(value.json(&ty).expect("it is of the type").to_string(), row[1], "{row:?}");
        assert_eq!(value.encode(&ty), Ok(bytes(row[2])), "{row:?}");
        assert_eq!(Value::decode(&ty, &bytes(row[2])), Ok(value), "{row:?}");
    }
    for row in table("| type | bytes | why |") {
        let error = Value::decode(&row[0].parse().expect("a type"), &bytes(row[1])).expect_err("it is refused");
        assert_eq!(error.to_string(), row[2]);
    }
}

#[test]
fn the_examples_of_calls() {
    for name in ["call-registers", "call-scratchpad", "call-nothing", "call-wide"] {
        let lines = block(&format!("example {name}"));
        let field = |name| *fields(&lines, name).first().unwrap_or_else(|| panic!("no field {name}"));
        let scratchpad = |name| fields(&lines, name).first().map(|hex| bytes(hex));
        let method: Method = field("method").parse().expect("a method");
        let arguments = json::parse_arguments(&method, &fields(&lines, "argument")).expect("arguments");
        let lowered = lower_arguments(&method, &arguments).expect("they are right");
        let registers: Vec<u64> = field("registers").split_whitespace().map(number).collect();
        assert_eq!(lowered.registers.as_slice(), registers, "{name}");
        assert_eq!(lowered.scratchpad, scratchpad("scratchpad"), "{name}");
        let given = lowered.scratchpad.unwrap_or_default();
        assert_eq!(lift_arguments(&method, lowered.registers, &given), Ok(arguments), "{name}");

        let result = json::parse(method.returns(), field("result")).expect("a value");
        let lowered = lower_result(&method, &result).expect("it is right");
        assert_eq!(lowered.register, number(field("register")), "{name}");
        assert_eq!(lowered.scratchpad, scratchpad("returned"), "{name}");
        let given = lowered.scratchpad.unwrap_or_default();
        assert_eq!(lift_result(&method, lowered.register, &given), Ok(result), "{name}");
    }
}
