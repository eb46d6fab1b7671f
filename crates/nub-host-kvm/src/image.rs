//! The kernel's binary: what of it goes to memory, and the names of its functions.

use std::sync::OnceLock;

use nub_arch_x86_abi::layout::{IMAGE_BASE, IMAGE_END, PAGE};
use nub_arch_x86_abi::version::{
    ABI_VERSION, ENTRY_SYMBOL, NOTE_OWNER, NOTE_TYPE, SUPERVISOR_STUBS_SYMBOL, USER_STUBS_SYMBOL,
};
use object::elf;
use object::read::elf::{ElfFile64, ProgramHeader as _};
use object::{LittleEndian, Object as _, ObjectSymbol as _, SymbolKind};

use crate::error::Error;

/// The kernel, as the build made it.
static KERNEL: &[u8] = include_bytes!(env!("NUB_GUEST"));

/// A part of the image with one right.
pub(crate) struct Segment {
    /// Where it goes: the first byte of a page.
    pub(crate) address: u64,
    /// Its bytes; zeros follow.
    pub(crate) bytes: &'static [u8],
    /// How many bytes it has in memory.
    pub(crate) size: u64,
    /// Whether the kernel may write there.
    pub(crate) writable: bool,
    /// Whether the kernel may run what is there.
    pub(crate) executable: bool,
}

/// A kernel that can be started.
pub(crate) struct Image {
    pub(crate) segments: Vec<Segment>,
    /// Where lanes start.
    pub(crate) entry: u64,
    /// The first stub of each privilege: supervisor, user.
    pub(crate) stubs: [u64; 2],
    /// Functions by their address, ascending.
    functions: Vec<(u64, u64, String)>,
}

fn wrong(what: impl Into<String>) -> Error {
    Error::Image(what.into())
}

impl Image {
    /// The kernel that belongs to this monitor. Read once.
    pub(crate) fn kernel() -> Result<&'static Image, Error> {
        static IMAGE: OnceLock<Result<Image, String>> = OnceLock::new();
        IMAGE
            .get_or_init(|| Image::read(KERNEL).map_err(|error| error.to_string()))
            .as_ref()
            .map_err(|text| wrong(text.trim_start_matches("the kernel image: ")))
    }

    /// Reads a binary.
    pub(crate) fn read(bytes: &'static [u8]) -> Result<Image, Error> {
        let file = ElfFile64::<LittleEndian>::parse(bytes).map_err(|error| wrong(error.to_string()))?;
        let header = file.elf_header();
        if header.e_type.get(LittleEndian) != elf::ET_EXEC || header.e_machine.get(LittleEndian) != elf::EM_X86_64 {
            return Err(wrong("it is no program for x86-64 at a fixed address"));
        }
        check_version(&file)?;
        let mut segments = Vec::new();
        for header in file.elf_program_headers() {
            if header.p_type(LittleEndian) != elf::PT_LOAD || header.p_memsz(LittleEndian) == 0 {
                continue;
            }
            let (address, size) = (header.p_vaddr(LittleEndian), header.p_memsz(LittleEndian));
            let flags = header.p_flags(LittleEndian);
            let data =
                header.data(LittleEndian, bytes).map_err(|()| wrong("a segment lies behind the end of the file"))?;
            let fits = address >= IMAGE_BASE
                && address.is_multiple_of(PAGE)
                && address.checked_add(size).is_some_and(|end| end <= IMAGE_END)
                && data.len() as u64 <= size;
            if !fits {
                return Err(wrong(format!("a segment of {size} bytes at {address:#x} is out of place")));
            }
            let (writable, executable) = (flags.contains(elf::PF_W), flags.contains(elf::PF_X));
            if writable && executable {
                return Err(wrong(format!("the segment at {address:#x} is both writable and executable")));
            }
            segments.push(Segment { address, bytes: data, size, writable, executable });
        }
        let symbol = |name: &str| {
            let found = file.symbols().find(|symbol| symbol.name() == Ok(name));
            found.map(|symbol| symbol.address()).ok_or_else(|| wrong(format!("it has no symbol '{name}'")))
        };
        let mut functions: Vec<_> = file
            .symbols()
            .filter(|symbol| symbol.kind() == SymbolKind::Text)
            .filter_map(|symbol| Some((symbol.address(), symbol.size(), symbol.name().ok()?.to_owned())))
            .collect();
        functions.sort_unstable();
        Ok(Image {
            segments,
            entry: symbol(ENTRY_SYMBOL)?,
            stubs: [symbol(SUPERVISOR_STUBS_SYMBOL)?, symbol(USER_STUBS_SYMBOL)?],
            functions,
        })
    }

    /// The functions of a backtrace: the place itself, then the places that it would return to. A call that never returns
    /// may be the last instruction of its function, so that what counts is the byte before.
    pub(crate) fn describe_all(&self, backtrace: &[u64]) -> Vec<String> {
        let places = backtrace.iter().enumerate();
        places.map(|(depth, address)| self.describe(address.saturating_sub(u64::from(depth > 0)))).collect()
    }

    /// The function that an address lies in, with the distance from its beginning, for people.
    pub(crate) fn describe(&self, address: u64) -> String {
        let next = self.functions.partition_point(|&(start, ..)| start <= address);
        match next.checked_sub(1).map(|index| &self.functions[index]) {
            // Labels in assembly have no size.
            Some((start, size, name)) if *size == 0 || address < start + size => {
                format!("{:#} + {:#x} ({address:#x})", rustc_demangle::demangle(name), address - start)
            }
            _ => format!("{address:#x}"),
        }
    }
}

fn check_version(file: &ElfFile64<'static, LittleEndian>) -> Result<(), Error> {
    for header in file.elf_program_headers() {
        let notes = header.notes(LittleEndian, file.data()).map_err(|error| wrong(error.to_string()))?;
        let Some(mut notes) = notes else { continue };
        while let Some(note) = notes.next().map_err(|error| wrong(error.to_string()))? {
            if note.name_bytes() == NOTE_OWNER && note.n_type(LittleEndian).0 == NOTE_TYPE {
                let version = note.desc().first_chunk().map(|&bytes| u32::from_le_bytes(bytes));
                return match version {
                    Some(ABI_VERSION) => Ok(()),
                    Some(other) => Err(wrong(format!(
                        "it speaks version {other} of the interface, this monitor version {ABI_VERSION}: build both \
                         from the same source"
                    ))),
                    None => Err(wrong("its note is cut off")),
                };
            }
        }
    }
    Err(wrong("it has no note of nub's: it is something else, or older than the first version"))
}
