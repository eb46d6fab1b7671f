//! From bytes to [`Object`].

use object::elf;
use object::endian::LittleEndian;
use object::read::elf::{FileHeader, Rela, SectionHeader, SectionTable, Sym, SymbolTable};

use super::{Class, Object, Relocation, Section, Symbol, SymbolKind, Value, names};
use crate::error::LinkError;
use crate::layout::MAX_ADDRESS;

type Header = elf::FileHeader64<LittleEndian>;
type Table<'a> = SectionTable<'a, Header>;

const LE: LittleEndian = LittleEndian;

fn malformed(error: object::Error) -> LinkError {
    LinkError::Malformed(error.to_string())
}

/// Reads a file.
pub(crate) fn read(bytes: &[u8]) -> Result<Object<'_>, LinkError> {
    check_ident(bytes)?;
    let header = Header::parse(bytes).map_err(malformed)?;
    check_machine(header)?;
    let linked = match header.e_type(LE) {
        elf::ET_REL => false,
        elf::ET_EXEC | elf::ET_DYN => true,
        other => return Err(LinkError::FileType(other.0)),
    };
    let table = header.sections(LE, bytes).map_err(malformed)?;
    let symbol_table = table.symbols(LE, bytes, elf::SHT_SYMTAB).map_err(malformed)?;
    let mut sections = read_sections(&table, bytes)?;
    let symbols = read_symbols(&table, &symbol_table, &mut sections, linked)?;
    read_relocations(&table, &symbol_table, bytes, &mut sections, symbols.len(), linked)?;
    names::assign(&mut sections, &symbols);
    if symbol_table.section().0 == 0 {
        return Err(LinkError::NoSymbols);
    }
    if linked && sections.iter().all(|section| section.class != Class::Code || section.relocations.is_empty()) {
        return Err(LinkError::NoRelocations);
    }
    Ok(Object { linked, sections, symbols })
}

/// Checks the first bytes by hand: the mistakes that people make here deserve better than "unsupported".
fn check_ident(bytes: &[u8]) -> Result<(), LinkError> {
    if !bytes.starts_with(&elf::ELFMAG) {
        return Err(LinkError::NotElf);
    }
    let found = match (bytes.get(4), bytes.get(5)) {
        (Some(2), Some(1)) => return Ok(()),
        (Some(1), _) => "a 32-bit machine",
        (Some(2), Some(2)) => "a big-endian machine",
        _ => return Err(LinkError::Malformed("class or byte order is unknown".into())),
    };
    Err(LinkError::WrongMachine { found: found.into() })
}

fn check_machine(header: &Header) -> Result<(), LinkError> {
    let machine = header.e_machine(LE);
    if machine != elf::EM_RISCV {
        let found = match machine {
            elf::EM_X86_64 => "x86-64 (machine 62)".into(),
            elf::EM_AARCH64 => "AArch64 (machine 183)".into(),
            other => format!("machine {}", other.0),
        };
        return Err(LinkError::WrongMachine { found });
    }
    let flags = header.e_flags(LE);
    match flags.riscv_float_abi() {
        elf::EF_RISCV_FLOAT_ABI_SINGLE => return Err(LinkError::FloatAbi("single")),
        elf::EF_RISCV_FLOAT_ABI_DOUBLE => return Err(LinkError::FloatAbi("double")),
        elf::EF_RISCV_FLOAT_ABI_QUAD => return Err(LinkError::FloatAbi("quad")),
        _ => {}
    }
    if flags.0 & elf::EF_RISCV_RVE.0 == 0 {
        return Err(LinkError::NotEmbedded);
    }
    Ok(())
}

fn classify(name: &str, flags: u64, kind: elf::SectionType) -> Class {
    let flag = |bit: elf::SectionFlags| flags & bit.0 != 0;
    if !flag(elf::SHF_ALLOC) || name.starts_with(".nub.") || kind == elf::SHT_NOTE {
        Class::NotLoaded
    } else if flag(elf::SHF_TLS) {
        Class::ThreadLocal
    } else if flag(elf::SHF_EXECINSTR) {
        Class::Code
    } else if name == ".ephemeral" || name.starts_with(".ephemeral.") {
        Class::Ephemeral
    } else if !flag(elf::SHF_WRITE) || name == ".data.rel.ro" || name.starts_with(".data.rel.ro.") {
        Class::ReadOnly
    } else {
        Class::Persistent
    }
}

/// Whether a section holds numbers that a linker may merge with others: nobody but the instruction that loads one knows
/// where it is.
fn is_pool(class: Class, flags: elf::SectionFlags) -> bool {
    let mergeable = flags.0 & elf::SHF_MERGE.0 != 0 && flags.0 & elf::SHF_STRINGS.0 == 0;
    class == Class::ReadOnly && mergeable
}

fn read_sections<'a>(table: &Table<'a>, bytes: &'a [u8]) -> Result<Vec<Section<'a>>, LinkError> {
    let mut sections = Vec::with_capacity(table.len());
    // Sections do not share bytes; a file that says otherwise could make a small input a huge one.
    let mut total = 0_u64;
    for header in table.iter() {
        let name = String::from_utf8_lossy(table.section_name(LE, header).map_err(malformed)?).into_owned();
        let kind = header.sh_type(LE);
        let class = if kind == elf::SHT_NULL { Class::NotLoaded } else { classify(&name, header.sh_flags(LE).0, kind) };
        let size = header.sh_size(LE);
        let data = header.data(LE, bytes).map_err(malformed)?;
        let is_array = matches!(kind, elf::SHT_INIT_ARRAY | elf::SHT_FINI_ARRAY | elf::SHT_PREINIT_ARRAY)
            || matches!(name.as_str(), ".ctors" | ".dtors");
        if is_array && size > 0 {
            return Err(LinkError::Constructors { section: name, bytes: size });
        }
        if class != Class::NotLoaded {
            if size > MAX_ADDRESS {
                return Err(LinkError::TooBig { what: "a section", bytes: size, limit: MAX_ADDRESS });
            }
            total += data.len() as u64;
            if total > bytes.len() as u64 {
                return Err(LinkError::Malformed("sections overlap in the file".into()));
            }
        }
        sections.push(Section {
            name,
            class,
            address: header.sh_addr(LE),
            is_compressed: header.sh_flags(LE).0 & elf::SHF_COMPRESSED.0 != 0,
            is_pool: is_pool(class, header.sh_flags(LE)),
            size,
            alignment: header.sh_addralign(LE).max(1),
            data,
            relocations: Vec::new(),
            dynamic: Vec::new(),
            names: Vec::new(),
        });
    }
    Ok(sections)
}

fn read_symbols<'a>(
    table: &Table<'a>,
    symbols: &SymbolTable<'a, Header>,
    sections: &mut Vec<Section<'a>>,
    linked: bool,
) -> Result<Vec<Symbol<'a>>, LinkError> {
    let mut read = Vec::with_capacity(symbols.len());
    for (index, symbol) in symbols.enumerate() {
        let name = symbols.symbol_name(LE, symbol).map_err(malformed)?;
        let value = symbol.st_value(LE);
        let size = symbol.st_size(LE);
        let value = if symbol.is_common(LE) {
            sections.push(common(name, size, value)?);
            Value::Section { section: sections.len() - 1, offset: 0 }
        } else if symbol.is_absolute(LE) {
            Value::Absolute(value)
        } else if let Some(section) = symbols.symbol_section(LE, symbol, index).map_err(malformed)? {
            let header = table.section(section).map_err(malformed)?;
            let base = if linked { header.sh_addr(LE) } else { 0 };
            Value::Section { section: section.0, offset: value.wrapping_sub(base) as i64 }
        } else {
            Value::Undefined
        };
        let kind = match symbol.st_type() {
            elf::STT_FUNC => SymbolKind::Function,
            elf::STT_OBJECT => SymbolKind::Object,
            elf::STT_SECTION => SymbolKind::Section,
            elf::STT_TLS => SymbolKind::ThreadLocal,
            elf::STT_GNU_IFUNC => SymbolKind::IndirectFunction,
            _ => SymbolKind::Other,
        };
        read.push(Symbol { name, value, size, weak: symbol.is_weak(), global: !symbol.is_local(), kind });
    }
    Ok(read)
}

/// The section that a common symbol becomes; its value is its alignment.
fn common(name: &[u8], size: u64, alignment: u64) -> Result<Section<'static>, LinkError> {
    if size > MAX_ADDRESS {
        return Err(LinkError::TooBig { what: "a common symbol", bytes: size, limit: MAX_ADDRESS });
    }
    Ok(Section {
        name: format!("COMMON.{}", names::demangle(name)),
        class: Class::Persistent,
        address: 0,
        is_compressed: false,
        is_pool: false,
        size,
        alignment: alignment.max(1),
        data: &[],
        relocations: Vec::new(),
        dynamic: Vec::new(),
        names: Vec::new(),
    })
}

fn read_relocations<'a>(
    table: &Table<'a>,
    symbol_table: &SymbolTable<'a, Header>,
    bytes: &'a [u8],
    sections: &mut [Section<'a>],
    symbols: usize,
    linked: bool,
) -> Result<(), LinkError> {
    let loaded = loaded_ranges(table);
    for (index, header) in table.enumerate() {
        let kind = header.sh_type(LE);
        if !matches!(kind, elf::SHT_RELA | elf::SHT_REL | elf::SHT_CREL) {
            continue;
        }
        let about = |what: &str| LinkError::Malformed(format!("relocation section {}: {what}", index.0));
        let Some((entries, link)) = header.rela(LE, bytes).map_err(malformed)? else {
            return Err(about("only relocations with addends (SHT_RELA) are supported"));
        };
        if link != symbol_table.section() {
            read_dynamic(&loaded, entries, sections);
            continue;
        }
        let target = header.sh_info(LE) as usize;
        let target_header = table.section(object::SectionIndex(target)).map_err(malformed)?;
        let base = if linked { target_header.sh_addr(LE) } else { 0 };
        let section = &mut sections[target];
        section.relocations.reserve(entries.len());
        for entry in entries {
            let symbol = entry.r_sym(LE, false);
            if symbol as usize >= symbols {
                return Err(about(&format!("symbol {symbol} does not exist")));
            }
            section.relocations.push(Relocation {
                offset: entry.r_offset(LE).wrapping_sub(base),
                kind: entry.r_type(LE, false).0,
                symbol,
                addend: entry.r_addend(LE),
            });
        }
    }
    for section in sections {
        section.relocations.sort_by_key(|relocation| relocation.offset);
        section.dynamic.sort_unstable();
    }
    Ok(())
}

/// Start, size and number of each section that is loaded, by its address.
fn loaded_ranges(table: &Table) -> Vec<(u64, u64, usize)> {
    let mut ranges: Vec<(u64, u64, usize)> = table
        .enumerate()
        .filter(|(_, header)| header.sh_flags(LE).0 & elf::SHF_ALLOC.0 != 0 && header.sh_size(LE) > 0)
        .map(|(index, header)| (header.sh_addr(LE), header.sh_size(LE), index.0))
        .collect();
    ranges.sort_unstable();
    ranges
}

/// Notes where the dynamic loader would write. What it would write there is known from the static relocations.
fn read_dynamic(loaded: &[(u64, u64, usize)], entries: &[elf::Rela64<LittleEndian>], sections: &mut [Section]) {
    for entry in entries {
        let address = entry.r_offset(LE);
        let behind = loaded.partition_point(|&(start, ..)| start <= address);
        if let Some(&(start, size, index)) = behind.checked_sub(1).and_then(|last| loaded.get(last))
            && address - start < size
        {
            sections[index].dynamic.push(address - start);
        }
    }
}
