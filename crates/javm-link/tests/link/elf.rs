//! Writes ELF files, right ones and wrong ones.

use std::collections::BTreeMap;

pub const PROGBITS: u32 = 1;
pub const NOBITS: u32 = 8;
pub const INIT_ARRAY: u32 = 14;
pub const WRITE: u64 = 1;
pub const ALLOC: u64 = 2;
pub const EXEC: u64 = 4;
pub const TLS: u64 = 0x400;

/// Section numbers of symbols that belong to none.
pub const UNDEFINED: u16 = 0;
pub const ABSOLUTE: u16 = 0xFFF1;
pub const COMMON: u16 = 0xFFF2;

#[derive(Clone)]
pub struct Section {
    pub name: String,
    pub kind: u32,
    pub flags: u64,
    pub address: u64,
    pub alignment: u64,
    pub data: Vec<u8>,
    /// For sections without bytes in the file.
    pub size: u64,
}

#[derive(Clone)]
pub struct Symbol {
    pub name: String,
    /// Binding (0 local, 1 global, 2 weak) and type (0 none, 1 object, 2 function, 3 section, 6 thread-local, 10 ifunc).
    pub info: (u8, u8),
    pub section: u16,
    pub value: u64,
    pub size: u64,
}

#[derive(Clone)]
pub struct Relocation {
    pub offset: u64,
    pub kind: u32,
    pub symbol: u32,
    pub addend: i64,
}

/// A file to be.
#[derive(Clone)]
pub struct File {
    pub file_type: u16,
    pub machine: u16,
    pub flags: u32,
    pub sections: Vec<Section>,
    pub symbols: Vec<Symbol>,
    /// By section number.
    pub relocations: BTreeMap<u16, Vec<Relocation>>,
}

impl Default for File {
    /// An empty relocatable object for RV64E with C.
    fn default() -> File {
        File {
            file_type: 1,
            machine: 243,
            flags: 0x9,
            sections: Vec::new(),
            symbols: Vec::new(),
            relocations: BTreeMap::new(),
        }
    }
}

impl File {
    /// Adds a section and gives its number.
    pub fn section(&mut self, name: &str, flags: u64, data: &[u8]) -> u16 {
        let size = data.len() as u64;
        self.sections.push(Section {
            name: name.into(),
            kind: PROGBITS,
            flags,
            address: 0,
            alignment: 8,
            data: data.into(),
            size,
        });
        self.sections.len() as u16
    }

    /// Adds a section of zeros and gives its number.
    pub fn zeros(&mut self, name: &str, size: u64) -> u16 {
        let number = self.section(name, ALLOC | WRITE, &[]);
        let section = self.get(number);
        section.kind = NOBITS;
        section.size = size;
        number
    }

    /// Adds a section with code and gives its number.
    pub fn text(&mut self, name: &str, code: &[u8]) -> u16 {
        self.section(name, ALLOC | EXEC, code)
    }

    pub fn get(&mut self, section: u16) -> &mut Section {
        &mut self.sections[usize::from(section) - 1]
    }

    /// Adds a symbol and gives its number.
    pub fn symbol(&mut self, name: &str, info: (u8, u8), section: u16, value: u64, size: u64) -> u32 {
        self.symbols.push(Symbol { name: name.into(), info, section, value, size });
        self.symbols.len() as u32
    }

    /// Adds a global function.
    pub fn function(&mut self, name: &str, section: u16, value: u64, size: u64) -> u32 {
        self.symbol(name, (1, 2), section, value, size)
    }

    /// Adds a local label.
    pub fn label(&mut self, name: &str, section: u16, value: u64) -> u32 {
        self.symbol(name, (0, 0), section, value, 0)
    }

    /// Adds an undefined global symbol.
    pub fn undefined(&mut self, name: &str) -> u32 {
        self.symbol(name, (1, 0), UNDEFINED, 0, 0)
    }

    pub fn relocate(&mut self, section: u16, offset: u64, kind: u32, symbol: u32, addend: i64) {
        self.relocations.entry(section).or_default().push(Relocation { offset, kind, symbol, addend });
    }

    /// Adds the record of an endpoint.
    pub fn endpoint(&mut self, name: &str, symbol: u32, arity: u8) -> u16 {
        let mut record = [0; 64];
        record[8..11].copy_from_slice(&[1, name.len() as u8, arity]);
        record[16..16 + name.len()].copy_from_slice(name.as_bytes());
        let section = self.section(".nub.endpoints", 0, &record);
        self.relocate(section, 0, 2, symbol, 0);
        section
    }

    /// A file with one function, the endpoint `main`, in section 1, symbol 1.
    pub fn with_main(code: &[u8]) -> File {
        let mut file = File::default();
        let text = file.text(".text.main", code);
        let main = file.function("main", text, 0, code.len() as u64);
        file.endpoint("main", main, 4);
        file
    }

    /// The bytes.
    pub fn build(&self) -> Vec<u8> {
        let mut out = vec![0; 64];
        let mut headers: Vec<[u64; 10]> = vec![[0; 10]];
        let mut names = vec![0];
        let mut add_name = |name: &str| {
            let at = names.len() as u64;
            names.extend(name.as_bytes());
            names.push(0);
            at
        };
        let put = |out: &mut Vec<u8>, data: &[u8]| {
            out.resize(out.len().next_multiple_of(8), 0);
            let at = out.len() as u64;
            out.extend(data);
            at
        };
        for s in &self.sections {
            let name = add_name(&s.name);
            let offset = put(&mut out, &s.data);
            let size = if s.kind == NOBITS { s.size } else { s.data.len() as u64 };
            headers.push([name, s.kind.into(), s.flags, s.address, offset, size, 0, 0, s.alignment, 0]);
        }
        let symtab = self.sections.len() + self.relocations.len() + 1;
        for (&section, relocations) in &self.relocations {
            let name = add_name(&format!(".rela{}", self.sections[usize::from(section) - 1].name));
            let mut data = Vec::new();
            for r in relocations {
                data.extend(r.offset.to_le_bytes());
                data.extend((u64::from(r.symbol) << 32 | u64::from(r.kind)).to_le_bytes());
                data.extend(r.addend.to_le_bytes());
            }
            let offset = put(&mut out, &data);
            headers.push([name, 4, 0x40, 0, offset, data.len() as u64, symtab as u64, section.into(), 8, 24]);
        }
        let mut strings = vec![0];
        let mut data = vec![0; 24];
        for s in &self.symbols {
            data.extend((strings.len() as u32).to_le_bytes());
            data.extend([s.info.0 << 4 | s.info.1, 0]);
            data.extend(s.section.to_le_bytes());
            data.extend(s.value.to_le_bytes());
            data.extend(s.size.to_le_bytes());
            strings.extend(s.name.as_bytes());
            strings.push(0);
        }
        let name = add_name(".symtab");
        let offset = put(&mut out, &data);
        headers.push([name, 2, 0, 0, offset, data.len() as u64, symtab as u64 + 1, 1, 8, 24]);
        let name = add_name(".strtab");
        let offset = put(&mut out, &strings);
        headers.push([name, 3, 0, 0, offset, strings.len() as u64, 0, 0, 1, 0]);
        let name = add_name(".shstrtab");
        let offset = put(&mut out, &names);
        headers.push([name, 3, 0, 0, offset, names.len() as u64, 0, 0, 1, 0]);
        let table = put(&mut out, &[]);
        for h in &headers {
            out.extend((h[0] as u32).to_le_bytes());
            out.extend((h[1] as u32).to_le_bytes());
            for field in &h[2..6] {
                out.extend(field.to_le_bytes());
            }
            out.extend((h[6] as u32).to_le_bytes());
            out.extend((h[7] as u32).to_le_bytes());
            out.extend(h[8].to_le_bytes());
            out.extend(h[9].to_le_bytes());
        }
        let mut header = Vec::from(*b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0");
        header.extend(self.file_type.to_le_bytes());
        header.extend(self.machine.to_le_bytes());
        header.extend(1_u32.to_le_bytes());
        header.extend([0; 16]);
        header.extend(table.to_le_bytes());
        header.extend(self.flags.to_le_bytes());
        for field in [64, 56, 0, 64, headers.len() as u16, headers.len() as u16 - 1] {
            header.extend(field.to_le_bytes());
        }
        out[..64].copy_from_slice(&header);
        out
    }
}
