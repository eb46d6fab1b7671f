//! The names of functions and source lines, from the file beside an Image.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use javm_link::SymbolMap;
use javm_link::symbols::{Frame, Named};
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

/// A function at work at a code offset.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Place {
    pc: u32,
    name: Option<String>,
    file: Option<String>,
    line: Option<u32>,
    is_inlined: bool,
}

impl Place {
    /// The function's name, if it is known.
    pub(super) fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The function's name, or the code offset.
    pub(super) fn function(&self) -> Cow<'_, str> {
        self.name.as_deref().map_or_else(|| format!("pc {:#x}", self.pc).into(), Cow::from)
    }

    pub(super) fn file(&self) -> Option<&str> {
        self.file.as_deref()
    }

    pub(super) fn line(&self) -> Option<u32> {
        self.line
    }

    /// File and line, if they are known: `src/main.rs:42`.
    pub(super) fn source(&self) -> Option<String> {
        let file = self.file.as_deref()?;
        Some(self.line.map_or_else(|| file.into(), |line| format!("{file}:{line}")))
    }

    /// Whether its code stands in that of another function.
    pub(super) fn is_inlined(&self) -> bool {
        self.is_inlined
    }

    /// Whether it is of Rust's standard library or of the SDK.
    pub(super) fn is_library(&self) -> bool {
        const FILES: [&str; 2] = ["rust/library/", "javm-guest/"];
        const NAMES: [&str; 5] = ["core::", "alloc::", "<core::", "<alloc::", "javm_guest::"];
        self.file.as_deref().is_some_and(|file| FILES.iter().any(|prefix| file.starts_with(prefix)))
            || self.name.as_deref().is_some_and(|name| NAMES.iter().any(|prefix| name.starts_with(prefix)))
    }
}

impl std::fmt::Display for Place {
    /// `counter::add at src/main.rs:42`, or what of it is known.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.source() {
            Some(source) => write!(f, "{} at {source}", self.function()),
            None => f.write_str(&self.function()),
        }
    }
}

impl Symbols {
    /// Reads the file beside the Image. One that is damaged or belongs to another Image is left aside, and that is said:
    /// names are a help, and a program runs without.
    pub(super) fn beside(image: &Path, hash: &CapHash) -> Symbols {
        let path = path_for(image);
        if !path.is_file() {
            return Symbols(None);
        }
        let left_aside = |why: &dyn std::fmt::Display| {
            say(
                STRONG,
                "note",
                &format!("{}: {why}; names of functions and source lines are not shown", path.display()),
            );
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

    /// No names at all.
    #[cfg(test)]
    pub(super) fn none() -> Symbols {
        Symbols(None)
    }

    /// The functions that a code offset belongs to, from the innermost inlined one out; at least one, with or without a
    /// name.
    pub(super) fn places(&self, pc: u32) -> Vec<Place> {
        let frames = self.0.as_ref().map_or(Vec::new(), |map| map.frames_at(pc));
        if frames.is_empty() {
            return vec![Place { pc, name: None, file: None, line: None, is_inlined: false }];
        }
        let place = |frame: Frame| Place {
            pc,
            name: Some(frame.function.into()),
            file: frame.file.map(Into::into),
            line: frame.line,
            is_inlined: frame.is_inlined,
        };
        frames.into_iter().map(place).collect()
    }

    /// A number that two code offsets share if the same functions stand there, inlined ones included: the start of the
    /// function, and the inlined call.
    pub(super) fn scope(&self, pc: u32) -> Option<(u32, u32)> {
        let map = self.0.as_ref()?;
        let function = map.function_at(pc)?;
        Some((function.start, map.lines.run_at(pc).map_or(0, |run| run.inlined)))
    }

    /// The names of variables and constants, and where they are.
    pub(super) fn data(&self) -> &[Named] {
        self.0.as_ref().map_or(&[], |map| &map.data)
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
