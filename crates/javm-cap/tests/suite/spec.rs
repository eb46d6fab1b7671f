//! The pages in `docs/spec` say what the code does: their tables and examples are read and computed here.

use std::collections::BTreeMap;

use javm_cap::image::limits;
use javm_cap::{CNode, Callable, CapHash, Capability, Data, Image, Instance, Measure, Service, Tag, TypeDef};

use crate::fixtures;

const HASHES: &str = include_str!("../../../../docs/spec/hashes.md");
const DATA: &str = include_str!("../../../../docs/spec/data.md");
const CALLABLE: &str = include_str!("../../../../docs/spec/callable.md");
const INSTANCE: &str = include_str!("../../../../docs/spec/instance.md");
const TYPES: &str = include_str!("../../../../docs/spec/types.md");
const IMAGE: &str = include_str!("../../../../docs/spec/image.md");

/// The lines of every fenced block of a page.
fn blocks(page: &'static str) -> Vec<Vec<&'static str>> {
    page.split("```text\n")
        .skip(1)
        .map(|rest| rest.split("```").next().expect("the block ends").lines().collect())
        .collect()
}

/// The lines of the example with this name, behind its first.
fn example(page: &'static str, name: &str) -> Vec<&'static str> {
    let found = blocks(page).into_iter().find(|lines| lines[0].split_whitespace().eq(["example", name]));
    found.unwrap_or_else(|| panic!("no example {name}"))[1..].to_vec()
}

/// What stands behind a word at the start of a line.
fn field<'a>(lines: &[&'a str], name: &str) -> &'a str {
    let found = lines.iter().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    found.unwrap_or_else(|| panic!("no field {name}")).trim()
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

fn hash(text: &str) -> CapHash {
    text.parse().expect("a hash")
}

/// The cells of the rows of the table with this head.
fn table(page: &'static str, head: &str) -> Vec<Vec<&'static str>> {
    let rows = page.split(head).nth(1).unwrap_or_else(|| panic!("no table {head}")).lines().skip(2);
    rows.take_while(|line| line.starts_with('|'))
        .map(|line| line.trim_matches('|').split('|').map(|cell| cell.trim().trim_matches('`')).collect())
        .collect()
}

#[test]
fn the_tags_are_those_of_the_page() {
    let rows: Vec<(u64, &str)> = table(HASHES, "| tag | of |").iter().map(|row| (number(row[0]), row[1])).collect();
    let tags: Vec<(u64, &str)> = Tag::ALL.iter().map(|tag| (tag.number().into(), tag.text())).collect();
    assert_eq!(rows, tags);
}

#[test]
fn the_limits_are_those_of_the_page() {
    let rows: Vec<(&str, u64)> =
        table(IMAGE, "| name | value | why |").iter().map(|row| (row[0], number(row[1]))).collect();
    macro_rules! limits {
        ($($name:ident)*) => { vec![$((stringify!($name), limits::$name as u64)),*] };
    }
    let expected = limits! {
        MAX_CODE_BYTES MAX_JUMP_TABLE_ENTRIES MAX_BLOCK_COST MAX_ENDPOINTS MAX_SIGNATURE_BYTES MAX_NAME_BYTES MAX_ARITY MAX_MAPPINGS
        FIRST_PAGE END_PAGE GUARD_PAGES MAX_EPHEMERAL_PAGES MAX_STORED_PAGES FIRST_FREE_SLOT MAX_TYPEDEFS
    };
    assert_eq!(rows, expected);
}

/// The block of a page whose lines are heights and hashes.
fn heights(page: &'static str) -> Vec<CapHash> {
    let block = blocks(page).into_iter().find(|lines| lines[0].trim_start().starts_with("0 ")).expect("there is one");
    block
        .iter()
        .enumerate()
        .map(|(height, line)| {
            let (number, text) = line.trim_start().split_once("  ").expect("two columns");
            assert_eq!(number, height.to_string());
            hash(text)
        })
        .collect()
}

#[test]
fn subtrees_of_zeros_hash_as_the_page_says() {
    let rows = heights(DATA);
    assert_eq!(rows.len(), 21);
    for (height, row) in rows.into_iter().enumerate() {
        assert_eq!(CapHash(Data::new(1 << height).expect("short enough").root()), row, "height {height}");
    }
}

#[test]
fn subtrees_of_empty_slots_hash_as_the_page_says() {
    let rows = heights(HASHES);
    assert_eq!(rows.len(), 9);
    assert_eq!(CapHash(CNode::new().root()), rows[8]);
    for pair in rows.windows(2) {
        assert_eq!(CapHash(fixtures::blake2b(&[&[0x02], &pair[0].0, &pair[0].0])), pair[1]);
    }
}

#[test]
fn the_examples_of_data() {
    for name in ["data-nothing", "data-hello", "data-sparse", "data-largest"] {
        let lines = example(DATA, name);
        let pages = number(field(&lines, "pages")) as u32;
        let mut writes: Vec<(u64, Vec<u8>)> = lines
            .iter()
            .filter_map(|line| line.strip_prefix("write")?.trim().split_once(' '))
            .map(|(offset, hex)| (number(offset), bytes(hex)))
            .collect();
        for _ in 0..2 {
            let mut data = Data::new(pages).expect("not too long");
            for (offset, bytes) in &writes {
                data.write(*offset, bytes).expect("inside");
            }
            assert_eq!(data.encode(), bytes(field(&lines, "encoding")), "{name}");
            assert_eq!(CapHash(data.root()), hash(field(&lines, "root")), "{name}");
            assert_eq!(data.hash(), hash(field(&lines, "hash")), "{name}");
            assert_eq!(Data::decode(&data.encode(), u32::MAX), Ok(data), "{name}");
            writes.reverse();
        }
    }
}

#[test]
fn the_examples_of_images() {
    for (name, image) in [("adder", fixtures::adder()), ("everything", fixtures::everything())] {
        let mut encoding = Vec::new();
        let lines = example(IMAGE, name);
        for line in lines.iter().filter(|line| !line.starts_with("hash")) {
            let mut words = line.split_whitespace();
            let offset = usize::from_str_radix(words.next().expect("an offset"), 16).expect("hexadecimal");
            assert_eq!(offset, encoding.len(), "{name}: {line}");
            encoding.extend(bytes(words.next().expect("bytes")));
        }
        assert_eq!(Image::decode(&encoding), Ok(image.clone()), "{name}");
        assert_eq!(image.encode(), encoding, "{name}");
        assert_eq!(image.hash(), hash(field(&lines, "hash")), "{name}");
        assert_eq!(CapHash(fixtures::blake2b(&[&[0x12], &image.manifest()])), image.hash(), "{name}");
        let valid = image.validate().unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(valid.hash(), hash(field(&lines, "hash")), "{name}");
    }
}

#[test]
fn the_example_of_a_service() {
    let lines = example(HASHES, "service");
    let service = Service { id: number(field(&lines, "id")) as u32, parameter: number(field(&lines, "parameter")) };
    assert_eq!(service.hash(), hash(field(&lines, "hash")));
}

#[test]
fn the_example_of_a_cnode() {
    let hello = Data::from_bytes(b"hello").expect("short");
    let slots: BTreeMap<u8, Capability> =
        BTreeMap::from([(2, hello.into()), (255, Service { id: 1, parameter: 0 }.into())]);
    let lines = example(HASHES, "cnode");
    let stated: Vec<(u8, CapHash)> = lines
        .iter()
        .filter_map(|line| line.strip_prefix("slot")?.trim().split_once(' '))
        .map(|(slot, text)| (number(slot) as u8, hash(text)))
        .collect();
    let actual: Vec<(u8, CapHash)> = slots.iter().map(|(&slot, capability)| (slot, capability.hash())).collect();
    assert_eq!(stated, actual);
    let table = CNode::from_slots(slots).expect("small");
    assert_eq!(CapHash(table.root()), hash(field(&lines, "root")));
    assert_eq!(table.hash(), hash(field(&lines, "hash")));
}

#[test]
fn the_examples_of_instances() {
    for (name, image) in [("instance", fixtures::adder()), ("instance-with-slots", fixtures::everything())] {
        let instance = Instance::new(image.validate().expect("it is valid"));
        let lines = example(HASHES, name);
        assert_eq!(instance.image().hash(), hash(field(&lines, "image")), "{name}");
        assert_eq!(instance.table().hash(), hash(field(&lines, "cnode")), "{name}");
        assert_eq!(CapHash(fixtures::blake2b(&[&[0x21, 0, 0, 0]])), hash(field(&lines, "state")), "{name}");
        assert_eq!(instance.encode().to_vec(), bytes(field(&lines, "encoding")), "{name}");
        assert_eq!(instance.hash(), hash(field(&lines, "hash")), "{name}");
    }
}

/// The bytes of a field that goes on over lines, each as many as its offset says.
fn listed(lines: &[&str]) -> Vec<u8> {
    let mut encoding = Vec::new();
    for line in lines.iter().filter(|line| line.starts_with("00")) {
        let mut words = line.split_whitespace();
        let offset = usize::from_str_radix(words.next().expect("an offset"), 16).expect("hexadecimal");
        assert_eq!(offset, encoding.len(), "{line}");
        encoding.extend(bytes(words.next().expect("bytes")));
    }
    encoding
}

#[test]
fn the_example_of_a_typedef() {
    let lines = example(TYPES, "token");
    let token = fixtures::token();
    assert_eq!(token.encode(), listed(&lines));
    assert_eq!(token.hash(), hash(field(&lines, "hash")));
    assert_eq!(TypeDef::decode(&token.encode()).map(|decoded| decoded.hash()), Ok(token.hash()));
    assert_eq!(token.measure(), Measure { size: 1, height: 0 });
}

#[test]
fn the_examples_of_interfaces() {
    for (name, image) in [("interface-adder", fixtures::adder()), ("interface-everything", fixtures::everything())] {
        let lines = example(CALLABLE, name);
        let message = listed(&lines);
        assert_eq!((message[0], &message[1..]), (0x22, &image.encode_interface()[..]), "{name}");
        assert_eq!(image.interface(), hash(field(&lines, "hash")), "{name}");
        assert_eq!(CapHash(fixtures::blake2b(&[&message])), image.interface(), "{name}");
    }
}

#[test]
fn the_examples_of_callables() {
    for (name, callable) in fixtures::callables() {
        let lines = example(CALLABLE, name);
        assert_eq!(callable.encode().to_vec(), listed(&lines), "{name}");
        assert_eq!(callable.hash(), hash(field(&lines, "hash")), "{name}");
        assert_eq!(CapHash(fixtures::blake2b(&[&callable.encode()])), callable.hash(), "{name}");
        let size = number(field(&lines, "size"));
        assert_eq!(callable.measure(), Measure { size, height: 0 }, "{name}");
        let token = fixtures::token();
        let decoded = Callable::decode(&callable.encode(), |hash| Some(token).filter(|token| token.hash() == *hash));
        assert_eq!(decoded.map(|decoded| decoded.measure()), Ok(callable.measure()), "{name}");
    }
}

#[test]
fn the_examples_of_run_states() {
    for (name, instance) in fixtures::instances() {
        let lines = example(INSTANCE, name);
        let message = listed(&lines);
        assert_eq!((message[0], &message[1..]), (0x21, &instance.encode_state()[..]), "{name}");
        assert_eq!(instance.encode()[65..], fixtures::blake2b(&[&message]), "{name}");
        assert_eq!(CapHash(fixtures::blake2b(&[&message])), hash(field(&lines, "state")), "{name}");
        assert_eq!(instance.image().hash(), hash(field(&lines, "image")), "{name}");
        assert_eq!(instance.table().hash(), hash(field(&lines, "cnode")), "{name}");
        assert_eq!(instance.hash(), hash(field(&lines, "hash")), "{name}");
        assert_eq!(instance.measure().size, number(field(&lines, "size")), "{name}");
    }
}
