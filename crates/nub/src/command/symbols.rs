//! The names of functions, from the file beside an Image.

use std::path::{Path, PathBuf};

use javm_link::SymbolMap;
use nub::CapHash;

use super::files;
use super::output::{STRONG, say};

const MAX_SYMBOL_BYTES: u64 = 256 << 20;

/// `NAME.nub` has its symbols in `NAME.nub.sym`.
pub(super) fn path_for(image: &Path) -> PathBuf {
    let mut path = image.as_os_str().to_owned();
    path.push(".sym");
    path.into()
}

/// What is known of an Image's names; nothing where there is no such file.
pub(super) struct Symbols(Option<SymbolMap>);

impl Symbols {
    /// Reads the file beside the Image. One that is damaged or belongs to another Image is left aside, and that is said:
    /// names are a help, and a program runs without.
    pub(super) fn beside(image: &Path, hash: &CapHash) -> Symbols {
        let path = path_for(image);
        if !path.is_file() {
            return Symbols(None);
        }
        let left_aside = |why: &dyn std::fmt::Display| {
            say(STRONG, "note", &format!("{}: {why}; names of functions are not shown", path.display()));
            Symbols(None)
        };
        let text = match files::read(&path, "a symbol file", MAX_SYMBOL_BYTES) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(error) => return left_aside(&error),
        };
        match SymbolMap::from_json(&text, *hash) {
            Ok(map) => Symbols(Some(map)),
            Err(error) => left_aside(&error),
        }
    }

    /// The function that holds a code offset, and how far into it that is.
    pub(super) fn function(&self, pc: u32) -> Option<(&str, u32)> {
        let function = self.0.as_ref()?.function_at(pc)?;
        Some((&function.name, pc - function.start))
    }

    /// The function that starts at a code offset.
    pub(super) fn starting_at(&self, pc: u32) -> Option<&str> {
        self.function(pc).filter(|(_, offset)| *offset == 0).map(|(name, _)| name)
    }

    /// Where a code offset is, in words: `counter::add+0x12 (pc 0x34)`.
    pub(super) fn place(&self, pc: u32) -> String {
        match self.function(pc) {
            Some((name, 0)) => format!("{name} (pc {pc:#x})"),
            Some((name, offset)) => format!("{name}+{offset:#x} (pc {pc:#x})"),
            None => format!("pc {pc:#x}"),
        }
    }

    /// Whether an access to this address is one of a stack that has grown out of its pages, and how large the stack is.
    pub(super) fn stack_overflow(&self, address: u32) -> Option<u64> {
        let map = self.0.as_ref()?;
        map.is_stack_overflow(address).then(|| map.stack.bytes())
    }
}
