//! Files that are not what they seem: every byte string gives an Image or an error, and never more work than its size
//! can justify.

use javm_link::{LinkError, Options, link};
use proptest::prelude::*;

use super::elf::{ALLOC, File, WRITE};
use super::rv::{self, A0, A1};

/// Small files with everything in them.
fn seeds() -> Vec<Vec<u8>> {
    let mut file = File::with_main(&rv::code(&[
        rv::auipc(A0, 0),
        rv::ld(A0, A0, 0),
        rv::b(0, A0, A1, 8),
        rv::lui(A1, 0),
        rv::ld(A1, A1, 0),
        rv::jalr(0, A1, 0),
        rv::ret(),
    ]));
    let label = file.label("", 1, 0);
    let table = file.section(".rodata.table", ALLOC, &[0; 16]);
    let table_symbol = file.symbol("table", (1, 1), table, 0, 16);
    let bss = file.zeros(".bss", 64);
    let zeros = file.symbol("zeros", (0, 1), bss, 0, 64);
    let helper = file.text(".text.helper", &[0x01, 0x45, 0x82, 0x80]);
    let helper = file.function("helper", helper, 0, 4);
    file.relocate(1, 0, 20, zeros, 0);
    file.relocate(1, 4, 24, label, 0);
    file.relocate(1, 12, 26, table_symbol, 0);
    file.relocate(1, 16, 27, table_symbol, 0);
    file.relocate(table, 0, 2, helper, 0);
    file.relocate(table, 8, 35, helper, 0);
    file.relocate(table, 8, 39, table_symbol, 0);
    file.section(".nub.imports", 0, &[1, 7, 1, 1, 2, 0, 0, 0]);
    file.section(".nub.typedefs", 0, b"\x01\x02\x14\x01interface x { f(name: string) -> list<u64>; }\0");
    file.section(".nub.memory", ALLOC | WRITE, &[1, 0, 0, 0, 0, 0, 1, 0, 0, 16, 0, 0, 0, 0, 0, 0]);
    vec![
        file.build(),
        include_bytes!("../fixtures/programs.combined.o").to_vec(),
        include_bytes!("../fixtures/programs.pie.elf").to_vec(),
        include_bytes!("../fixtures/programs.static-relaxed.elf").to_vec(),
        include_bytes!("../fixtures/lines.tables.o").to_vec(),
        include_bytes!("../fixtures/lines.dwarf4-relaxed.o").to_vec(),
        include_bytes!("../fixtures/lines.static.elf").to_vec(),
    ]
}

/// Links, and checks that what comes out can be trusted.
fn check(bytes: &[u8]) -> Result<bool, TestCaseError> {
    match link(bytes, &Options::default()) {
        Ok(linked) => {
            prop_assert!(linked.image.clone().validate().is_ok());
            let text = linked.symbols.to_json().unwrap();
            let read = javm_link::SymbolMap::from_json(&text, linked.image.hash());
            prop_assert_eq!(read.map_err(|error| error.to_string()), Ok(linked.symbols));
            prop_assert!(text.len() < 64 * 1024 + 32 * bytes.len(), "{} bytes of symbols", text.len());
            Ok(true)
        }
        Err(error) => {
            prop_assert!(!error.to_string().is_empty());
            Ok(false)
        }
    }
}

/// One change to a file.
#[derive(Clone, Debug)]
enum Change {
    Flip {
        at: prop::sample::Index,
        bit: u8,
    },
    Byte {
        at: prop::sample::Index,
        value: u8,
    },
    Word {
        at: prop::sample::Index,
        value: u64,
    },
    Cut {
        at: prop::sample::Index,
    },
    /// Copies some bytes to another place.
    Copy {
        from: prop::sample::Index,
        to: prop::sample::Index,
        length: u8,
    },
}

fn change() -> impl Strategy<Value = Change> {
    let index = any::<prop::sample::Index>;
    let word = prop_oneof![
        Just(0),
        Just(u64::MAX),
        Just(1 << 63),
        Just(0x7FFF_FFFF),
        any::<u64>(),
        any::<u8>().prop_map(u64::from)
    ];
    prop_oneof![
        4 => (index(), 0..8_u8).prop_map(|(at, bit)| Change::Flip { at, bit }),
        4 => (index(), any::<u8>()).prop_map(|(at, value)| Change::Byte { at, value }),
        4 => (index(), word).prop_map(|(at, value)| Change::Word { at, value }),
        1 => index().prop_map(|at| Change::Cut { at }),
        2 => (index(), index(), any::<u8>()).prop_map(|(from, to, length)| Change::Copy { from, to, length }),
    ]
}

impl Change {
    fn apply(&self, bytes: &mut Vec<u8>) {
        if bytes.is_empty() {
            return;
        }
        let size = bytes.len();
        match self {
            Change::Flip { at, bit } => bytes[at.index(size)] ^= 1 << bit,
            Change::Byte { at, value } => bytes[at.index(size)] = *value,
            Change::Word { at, value } => {
                let at = at.index(size) & !7;
                let end = (at + 8).min(size);
                bytes[at..end].copy_from_slice(&value.to_le_bytes()[..end - at]);
            }
            Change::Cut { at } => bytes.truncate(at.index(size)),
            Change::Copy { from, to, length } => {
                let (from, to) = (from.index(size), to.index(size));
                let length = usize::from(*length).min(size - from.max(to));
                bytes.copy_within(from..from + length, to);
            }
        }
    }
}

/// Sections whose contents only source lines depend on.
const DEBUG: [&str; 8] = [
    ".debug_info",
    ".debug_abbrev",
    ".debug_line",
    ".debug_str",
    ".debug_ranges",
    ".debug_rnglists",
    ".debug_addr",
    ".debug_str_offsets",
];

/// Cases of the random tests; the environment variable PROPTEST_CASES overrides it.
fn config() -> ProptestConfig {
    let asked = std::env::var("PROPTEST_CASES").ok().and_then(|text| text.parse().ok());
    ProptestConfig { cases: asked.unwrap_or(3000), failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn changed_files(seed in 0..7_usize, changes in proptest::collection::vec(change(), 1..6)) {
        let mut bytes = seeds()[seed].clone();
        for change in &changes {
            change.apply(&mut bytes);
        }
        check(&bytes)?;
    }

    #[test]
    fn changed_debug_information(seed in 4..7_usize, section in 0..DEBUG.len(), changes in proptest::collection::vec(change(), 1..6)) {
        let mut bytes = seeds()[seed].clone();
        let range = super::lines::contents(&bytes, DEBUG[section]);
        if let Some(range) = range {
            let mut inside = bytes[range.clone()].to_vec();
            for change in changes.iter().filter(|change| !matches!(change, Change::Cut { .. })) {
                change.apply(&mut inside);
            }
            bytes[range].copy_from_slice(&inside);
        }
        prop_assert!(check(&bytes)?, "debug information never makes linking fail");
    }

    #[test]
    fn any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..2000), with_header: bool) {
        let mut bytes = bytes;
        if with_header {
            let header = &seeds()[0][..64.min(bytes.len())];
            bytes[..header.len()].copy_from_slice(header);
        }
        check(&bytes)?;
    }

    #[test]
    fn any_code(code in proptest::collection::vec(any::<u32>(), 1..60), mask in proptest::sample::select(&[0x7F, 0x0007_FF7F, u32::MAX][..])) {
        // Mostly instructions that exist: the opcode is one of the common ones.
        let opcodes = [0x13, 0x33, 0x1B, 0x3B, 0x03, 0x23, 0x63, 0x6F, 0x67, 0x37, 0x17, 0x0B];
        let words: Vec<u32> = code.iter().map(|word| (word & mask & !0x7F) | opcodes[(word % 12) as usize]).collect();
        check(&File::with_main(&rv::code(&words)).build())?;
    }
}

/// All prefixes and all single bytes of the smallest file.
#[test]
fn every_prefix_and_every_byte() {
    let good = seeds()[0].clone();
    assert!(check(&good).unwrap());
    for length in 0..good.len() {
        check(&good[..length]).unwrap();
    }
    for at in 0..good.len() {
        for value in [0, 1, 0x7F, 0x80, 0xFF, good[at] ^ 4] {
            let mut bytes = good.clone();
            bytes[at] = value;
            check(&bytes).unwrap();
        }
    }
}

#[test]
fn sections_that_share_their_bytes() {
    // A thousand sections over the same bytes would make a small file a large program.
    let mut file = File::with_main(&rv::code(&[rv::ret()]));
    for _ in 0..1000 {
        file.section(".rodata", ALLOC, &[1; 64]);
    }
    let mut bytes = file.build();
    let table = u64::from_le_bytes(bytes[40..48].try_into().unwrap()) as usize;
    for number in 3..1003 {
        let header = table + 64 * number;
        bytes[header + 24..header + 32].copy_from_slice(&64_u64.to_le_bytes());
        bytes[header + 32..header + 40].copy_from_slice(&60_000_u64.to_le_bytes());
    }
    let error = link(&bytes, &Options::default()).unwrap_err();
    assert_eq!(error, LinkError::Malformed("sections overlap in the file".into()));
}
