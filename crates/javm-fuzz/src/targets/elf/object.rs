//! Small RISC-V objects: code that mostly can be translated, with the relocations that compilers make.

use rand::RngExt;
use rand::seq::IndexedRandom;

use crate::mutation;
use crate::target::Random;

/// The size of a file header, of a section header, of a symbol, of a relocation.
const HEADER: usize = 64;
const SECTION_HEADER: usize = 64;

const SHT_PROGBITS: u32 = 1;
const SHT_SYMTAB: u32 = 2;
const SHT_STRTAB: u32 = 3;
const SHT_RELA: u32 = 4;
const SHT_NOBITS: u32 = 8;

const WRITE: u64 = 1;
const ALLOC: u64 = 2;
const EXEC: u64 = 4;

/// Symbol numbers: the function, the data, the variable, then labels of the code.
const FUNCTION: u64 = 1;
const DATA: u64 = 2;
const VARIABLE: u64 = 3;
const FIRST_LABEL: u64 = 4;

/// A section to be.
struct Section {
    name: &'static str,
    kind: u32,
    flags: u64,
    content: Vec<u8>,
    /// For sections without content in the file.
    size: u64,
    link: u32,
    info: u32,
    entry: u64,
}

impl Section {
    fn new(name: &'static str, kind: u32, flags: u64, content: Vec<u8>) -> Section {
        let size = content.len() as u64;
        Section { name, kind, flags, content, size, link: 0, info: 0, entry: 0 }
    }
}

/// The code while it is put together.
#[derive(Default)]
struct Code {
    bytes: Vec<u8>,
    relocations: Vec<u8>,
    /// Offsets of labels that relocations refer to.
    labels: Vec<u64>,
}

impl Code {
    fn word(&mut self, word: u32) {
        self.bytes.extend_from_slice(&word.to_le_bytes());
    }

    fn relocate(&mut self, kind: u32, symbol: u64, addend: i64) {
        let offset = self.bytes.len() as u64;
        relocation(&mut self.relocations, offset, kind, symbol, addend);
    }
}

fn relocation(out: &mut Vec<u8>, offset: u64, kind: u32, symbol: u64, addend: i64) {
    out.extend_from_slice(&offset.to_le_bytes());
    out.extend_from_slice(&(symbol << 32 | u64::from(kind)).to_le_bytes());
    out.extend_from_slice(&addend.to_le_bytes());
}

/// An object with one endpoint. Section 1 is its code, 2 constants, 3 variables. One in four is wild: its code is mostly
/// none.
pub(super) fn generate(random: &mut Random) -> Vec<u8> {
    let mut code = Code::default();
    let words = random.random_range(0..40);
    let wild = random.random_ratio(1, 4);
    for _ in 0..words {
        instruction(random, &mut code, words * 4, wild);
    }
    code.word(0x8067);

    let mut constants: Vec<u8> = (0..32).map(|_| random.random()).collect();
    let mut pointers = Vec::new();
    for slot in 0..random.random_range(0..4_u64) {
        constants[8 * slot as usize..][..8].fill(0);
        let symbol = random.random_range(FUNCTION..FIRST_LABEL + code.labels.len() as u64);
        relocation(&mut pointers, 8 * slot, 2, symbol, 0);
    }
    let mut record = vec![0; 64];
    record[8..11].copy_from_slice(&[1, 4, random.random_range(0..5)]);
    record[16..20].copy_from_slice(b"main");
    let mut entry = Vec::new();
    relocation(&mut entry, 0, 2, FUNCTION, 0);

    let symbols = symbols(&code);
    let variables =
        Section { size: random.random_range(0..5000), ..Section::new(".bss", SHT_NOBITS, ALLOC | WRITE, vec![]) };
    let table = |name, target, relocations| Section {
        link: 8,
        info: target,
        entry: 24,
        ..Section::new(name, SHT_RELA, 0, relocations)
    };
    file(vec![
        Section::new(".text", SHT_PROGBITS, ALLOC | EXEC, code.bytes),
        Section::new(".rodata", SHT_PROGBITS, ALLOC, constants),
        variables,
        Section::new(".nub.endpoints", SHT_PROGBITS, 0, record),
        table(".rela.text", 1, code.relocations),
        table(".rela.rodata", 2, pointers),
        table(".rela.nub.endpoints", 4, entry),
        Section { link: 9, info: 1, entry: 24, ..Section::new(".symtab", SHT_SYMTAB, 0, symbols) },
        Section::new(".strtab", SHT_STRTAB, 0, b"\0main\0data\0variable\0".to_vec()),
    ])
}

fn symbols(code: &Code) -> Vec<u8> {
    let mut out = vec![0; 24];
    let mut add = |name: u32, info: u8, section: u16, value: u64, size: u64| {
        out.extend_from_slice(&name.to_le_bytes());
        out.extend_from_slice(&[info, 0]);
        out.extend_from_slice(&section.to_le_bytes());
        out.extend_from_slice(&value.to_le_bytes());
        out.extend_from_slice(&size.to_le_bytes());
    };
    add(1, 0x12, 1, 0, code.bytes.len() as u64);
    add(6, 0x11, 2, 0, 32);
    add(11, 0x11, 3, 0, 8);
    code.labels.iter().for_each(|&label| add(0, 0, 1, label, 0));
    out
}

/// The file: header, contents, names of sections, section headers.
fn file(mut sections: Vec<Section>) -> Vec<u8> {
    let names: Vec<u8> = sections.iter().flat_map(|section| [section.name.as_bytes(), b"\0"].concat()).collect();
    sections.push(Section::new(".shstrtab", SHT_STRTAB, 0, [b"\0".to_vec(), names, b".shstrtab\0".to_vec()].concat()));
    let mut out = vec![0; HEADER];
    let mut headers = vec![0; SECTION_HEADER];
    let mut name = 1_u32;
    for section in &sections {
        headers.extend_from_slice(&name.to_le_bytes());
        headers.extend_from_slice(&section.kind.to_le_bytes());
        for value in [section.flags, 0, out.len() as u64, section.size] {
            headers.extend_from_slice(&value.to_le_bytes());
        }
        headers.extend_from_slice(&section.link.to_le_bytes());
        headers.extend_from_slice(&section.info.to_le_bytes());
        headers.extend_from_slice(&8_u64.to_le_bytes());
        headers.extend_from_slice(&section.entry.to_le_bytes());
        name += section.name.len() as u32 + 1;
        out.extend_from_slice(&section.content);
        out.resize(out.len().next_multiple_of(8), 0);
    }
    let headers_at = out.len() as u64;
    out.extend_from_slice(&headers);
    out[..7].copy_from_slice(b"\x7fELF\x02\x01\x01");
    // A relocatable object for RISC-V, version 1; RV64E with compressed instructions.
    out[16..24].copy_from_slice(&[1, 0, 243, 0, 1, 0, 0, 0]);
    out[40..48].copy_from_slice(&headers_at.to_le_bytes());
    out[48] = 0x9;
    let count = sections.len() as u8;
    out[52..64].copy_from_slice(&[HEADER as u8, 0, 0, 0, 0, 0, SECTION_HEADER as u8, 0, count + 1, 0, count, 0]);
    out
}

/// Appends an instruction, or a few that belong together. `end` is where the code ends, about. What is not `wild` can be
/// translated, if it does not run into something that cannot.
fn instruction(random: &mut Random, code: &mut Code, end: u32, wild: bool) {
    let at = code.bytes.len() as u64;
    let [rd, rs1, rs2] = [0; 3].map(|_: u32| register(random, wild));
    let mut one =
        |choices: &[u32]| if wild { random.random_range(0..128) } else { *choices.choose(random).unwrap_or(&0) };
    let registers = |funct3: u32| rs1 << 15 | (funct3 & 7) << 12 | rd << 7;
    match one(&[0, 0, 0, 1, 1, 2, 3, 3, 4, 4, 5, 5, 6, 7, 8, 9, 9, 10, 11, 12, 13, 14]) % 16 {
        0 => {
            // Of two registers: base, M, and what Zbb has with a complement.
            let (funct7, funct3) = match one(&[0, 1, 2]) {
                0 => (0, one(&[0, 1, 2, 3, 4, 5, 6, 7])),
                1 => (1, one(&[0, 1, 2, 3, 4, 5, 6, 7])),
                other => (if other == 2 { 0x20 } else { other }, one(&[0, 4, 5, 6, 7])),
            };
            code.word(funct7 << 25 | rs2 << 20 | registers(funct3) | 0x33);
        }
        1 => {
            // Of two registers, in 32 bits.
            let (funct7, funct3) = match one(&[0, 1, 2]) {
                1 => (1, one(&[0, 4, 5, 6, 7])),
                other => (if other == 2 { 0x20 } else { other }, one(&[0, 5])),
            };
            code.word(funct7 << 25 | rs2 << 20 | registers(funct3) | 0x3B);
        }
        2 => {
            // Shifts by a constant.
            let (funct6, funct3) = (one(&[0, 0x10, 0x18]), one(&[1, 5]));
            let funct6 = if wild || funct3 == 5 { funct6 } else { 0 };
            code.word(funct6 << 26 | one(&[0, 1, 7, 31, 32, 63]) << 20 | registers(funct3) | 0x13);
        }
        3 => code.word(immediate(random) << 20 | registers(one_of(random, &[0, 2, 3, 4, 6, 7], wild)) | 0x13),
        4 => code.word(immediate(random) << 20 | registers(one_of(random, &[0, 1, 2, 3, 4, 5, 6], wild)) | 0x03),
        5 => {
            let (offset, funct3) = (immediate(random), one_of(random, &[0, 1, 2, 3], wild));
            code.word((offset & 0xFE0) << 20 | rs2 << 20 | rs1 << 15 | (funct3 & 7) << 12 | (offset & 31) << 7 | 0x23);
        }
        6 => {
            let (offset, funct3) = (distance(random, at, end), one_of(random, &[0, 1, 4, 5, 6, 7], wild));
            let high = (offset >> 12 & 1) << 31 | (offset >> 5 & 63) << 25;
            let low = (offset >> 1 & 15) << 8 | (offset >> 11 & 1) << 7;
            code.word(high | low | rs2 << 20 | rs1 << 15 | (funct3 & 7) << 12 | 0x63);
        }
        7 => {
            let offset = distance(random, at, end);
            let bits = (offset & 0x10_0000) << 11 | (offset & 0x7FE) << 20 | (offset & 0x800) << 9 | (offset & 0xFF000);
            code.word(bits | (rd % 2) << 7 | 0x6F);
        }
        8 => code.word(random.random::<u32>() & 0xFFFF_F000 | rd << 7 | 0x37),
        9 => {
            // An address by two parts: R_RISCV_PCREL_HI20, then R_RISCV_PCREL_LO12_I through a label.
            code.labels.push(at);
            code.relocate(23, random.random_range(FUNCTION..=VARIABLE), 0);
            code.word(rd << 7 | 0x17);
            code.relocate(24, FIRST_LABEL + code.labels.len() as u64 - 1, 0);
            code.word(rd << 15 | rd << 7 | if random.random() { 0x13 } else { 0x3003 });
        }
        10 => {
            // Absolute: R_RISCV_HI20 and R_RISCV_LO12_I.
            code.relocate(26, DATA, 0);
            code.word(rd << 7 | 0x37);
            code.relocate(27, DATA, 0);
            code.word(rd << 15 | rd << 7 | 0x13);
        }
        11 => {
            // A call: R_RISCV_CALL_PLT.
            code.relocate(19, FUNCTION, 0);
            code.word(1 << 7 | 0x17);
            code.word(1 << 15 | 1 << 7 | 0x67);
        }
        12 => code.word(random.random_range(0..8) << 20 | 0x0B),
        13 => code.word(0x73),
        14 => code.word(0x8067),
        _ => code.word(mutation::number(random) as u32),
    }
}

/// One of those that the calling convention uses; gp and tp only among the `wild` ones.
fn register(random: &mut Random, wild: bool) -> u32 {
    match random.random_range(0..16) {
        3 | 4 if !wild => 10,
        register => register,
    }
}

fn one_of(random: &mut Random, choices: &[u32], wild: bool) -> u32 {
    if wild { random.random_range(0..8) } else { choices.choose(random).copied().unwrap_or(0) }
}

fn immediate(random: &mut Random) -> u32 {
    let any = random.random_range(0..4096);
    [0, 1, 8, 2047, 0xFFF, 0x800, any].choose(random).copied().unwrap_or(0)
}

/// From `at` to somewhere in the code.
fn distance(random: &mut Random, at: u64, end: u32) -> u32 {
    (i64::from(random.random_range(0..=end / 4)) * 4 - at as i64) as u32
}
