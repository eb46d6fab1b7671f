//! The kernel's binary: what of it goes to memory, and the names of its functions.

use std::sync::OnceLock;

use nub_arch_x86_abi::layout::{IMAGE_BASE, IMAGE_END, PAGE};
use nub_arch_x86_abi::version::{
    ABI_VERSION, ENTRY_SYMBOL, NOTE_OWNER, NOTE_TYPE, SUPERVISOR_STUBS_SYMBOL, USER_STUBS_SYMBOL,
};
use nub_guest_image::KERNEL;
use object::elf;
use object::read::elf::{ElfFile64, ProgramHeader as _};
use object::{LittleEndian, Object as _, ObjectSymbol as _, SymbolKind};

use crate::error::Error;

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

#[cfg(test)]
mod tests {
    use super::*;

    /// What is said of the kernel with the first of these bytes put in place of others.
    fn refused(from: &[u8], to: &[u8]) -> String {
        let mut bytes = KERNEL.to_vec();
        let at = bytes.windows(from.len()).position(|window| window == from).expect("it is there");
        bytes[at..at + to.len()].copy_from_slice(to);
        Image::read(bytes.leak()).err().expect("it is refused").to_string()
    }

    #[test]
    fn a_kernel_of_another_version_and_what_is_none_are_refused() {
        // The note: lengths of the owner and of what follows, type, owner, version.
        let note = [&[4, 0, 0, 0, 8, 0, 0, 0, 1, 0, 0, 0][..], b"nub\0", &ABI_VERSION.to_le_bytes()].concat();
        let other = [&note[..16], &(ABI_VERSION + 1).to_le_bytes()].concat();
        let expected =
            format!("speaks version {} of the interface, this monitor version {ABI_VERSION}", ABI_VERSION + 1);
        let text = refused(&note, &other);
        assert!(text.contains(&expected) && text.contains("build both from the same source"), "{text}");
        assert!(refused(&note, &[&note[..12], b"bun\0"].concat()).contains("it has no note of nub's"));
        assert!(refused(b"\x7fELF", b"\x7fFLE").starts_with("the kernel image: "));
        assert!(refused(b"\0_start\0", b"\0_stort\0").contains("it has no symbol '_start'"));
    }

    /// The bytes at an address of the image, with whether they are code.
    fn at(image: &Image, address: u64) -> (&'static [u8], bool) {
        let holds = |segment: &&Segment| (segment.address..segment.address + segment.size).contains(&address);
        let segment = image.segments.iter().find(holds).unwrap_or_else(|| panic!("nothing is at {address:#x}"));
        (&segment.bytes[(address - segment.address) as usize..], segment.executable)
    }

    fn distance(bytes: &[u8]) -> u64 {
        i64::from(i32::from_le_bytes(*bytes.first_chunk().expect("four bytes"))) as u64
    }

    /// The opcode behind prefixes: of operand size, and of further registers.
    fn opcode(bytes: &[u8]) -> &[u8] {
        let bytes = bytes.strip_prefix(&[0x66]).unwrap_or(bytes);
        if matches!(bytes[0], 0x40..=0x4f) { &bytes[1..] } else { bytes }
    }

    /// The trap handler goes by a list of accesses: each entry is an access of a program's, and leads to where that counts
    /// as failed, from where it goes on behind the access.
    #[test]
    fn every_access_in_the_list_goes_on_behind_itself_when_it_has_failed() {
        let image = Image::kernel().unwrap_or_else(|error| panic!("{error}"));
        let file = ElfFile64::<LittleEndian>::parse(KERNEL).expect("it was read");
        let address = |name: &str| {
            let found = file.symbols().find(|symbol| symbol.name() == Ok(name));
            found.unwrap_or_else(|| panic!("no symbol {name}")).address()
        };
        let (start, end) = (address("__nub_accesses_start"), address("__nub_accesses_end"));
        assert!(start < end && (end - start).is_multiple_of(8), "{start:#x} to {end:#x}");
        let mut accesses = Vec::new();
        for entry in (start..end).step_by(8) {
            let (bytes, executable) = at(image, entry);
            assert!(!executable);
            let access = entry.wrapping_add(distance(bytes));
            let landing = (entry + 4).wrapping_add(distance(&bytes[4..]));

            let (code, executable) = at(image, access);
            let moves = matches!(opcode(code), [0x0f, 0xb6 | 0xb7, ..] | [0x88..=0x8b, ..]);
            assert!(executable && moves, "no load or store at {access:#x}: {:02x?}", &code[..8]);

            let (code, executable) = at(image, landing);
            let set = opcode(code);
            assert!(executable && matches!(set[0], 0xb8..=0xbf) && set[1..5] == [1, 0, 0, 0], "{:02x?}", &code[..12]);
            let jump = landing + (code.len() - set.len()) as u64 + 5;
            let (code, _) = at(image, jump);
            let behind = match code[0] {
                0xe9 => (jump + 5).wrapping_add(distance(&code[1..])),
                0xeb => (jump + 2).wrapping_add(i64::from(code[1] as i8) as u64),
                other => panic!("no jump at {jump:#x} but {other:#x}"),
            };
            // The shortest access with a base and an index has three bytes, the longest nine.
            assert!((3..=9).contains(&behind.wrapping_sub(access)), "{access:#x} goes on at {behind:#x}");
            accesses.push(access);
        }
        let count = accesses.len();
        accesses.sort_unstable();
        accesses.dedup();
        assert_eq!(accesses.len(), count, "an access is in the list twice");
    }
}
