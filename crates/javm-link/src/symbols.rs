//! The map from code and memory to names and source lines, which lies beside an Image in a file of its own.
//!
//! The normative text is `docs/spec/linker.md`, "Symbol map".

use javm_cap::CapHash;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::lines::{Line, LineTable};

/// The version of the format.
pub const SYMBOL_MAP_VERSION: u32 = 2;

/// How far below the stack an access still counts as an overflow of the stack, in bytes: more than any sensible frame.
const OVERFLOW_REACH: u32 = 16 << 20;

/// A range of code offsets or addresses, the end not included.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Range {
    /// The first.
    pub start: u32,
    /// The first behind the last.
    pub end: u32,
}

impl Range {
    /// Whether it contains a place.
    #[must_use]
    pub fn contains(&self, place: u32) -> bool {
        self.start <= place && place < self.end
    }

    /// Whether it contains nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.end <= self.start
    }

    /// How many there are.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        u64::from(self.end.saturating_sub(self.start))
    }
}

/// Something with a name.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Named {
    /// Where it begins.
    pub start: u32,
    /// Where it ends.
    pub end: u32,
    /// What it is called in the source, without the compiler's decoration.
    pub name: String,
}

/// The names of a program's functions and variables, and where its memory is.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SymbolMap {
    /// [`SYMBOL_MAP_VERSION`].
    pub version: u32,
    /// The hash of the Image that it belongs to, in hexadecimal digits.
    pub image: String,
    /// The name of the file that was linked, without its folder.
    pub input: String,
    /// Functions by code offset, ascending; they do not overlap.
    pub functions: Vec<Named>,
    /// Variables and constants by address, ascending; they do not overlap.
    pub data: Vec<Named>,
    /// The stack.
    pub stack: Range,
    /// The heap; empty if there is none.
    pub heap: Range,
    /// Where the scratchpad is mapped; empty if it is not.
    pub scratchpad: Range,
    /// Source lines of the code; empty if they are not known.
    pub lines: LineTable,
}

/// A function that is at work at some place of the code.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Frame<'a> {
    /// Its name.
    pub function: &'a str,
    /// The source file that it is at work in, if that is known.
    pub file: Option<&'a str>,
    /// The line in there, if that is known.
    pub line: Option<u32>,
    /// Whether its code stands in that of the next frame.
    pub is_inlined: bool,
}

/// Why a text is not a symbol map for an Image.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SymbolMapError {
    /// Not JSON, or not of that shape.
    #[error("this is not a symbol map: {0}")]
    Json(#[from] serde_json::Error),
    /// Written by another version.
    #[error("this symbol map has version {0}; this program reads version {SYMBOL_MAP_VERSION}: link the program again")]
    Version(u32),
    /// Of another Image.
    #[error("this symbol map belongs to Image {found}, not to {expected}: link the program again")]
    OtherImage {
        /// The Image that it belongs to.
        found: String,
        /// The Image at hand.
        expected: String,
    },
    /// Its tables are not in order.
    #[error("this symbol map is damaged: its {0} are not sorted")]
    Unsorted(&'static str),
}

/// What lies at an address.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Memory<'a> {
    /// A variable or constant, and the distance from its start.
    Data(&'a str, u32),
    /// The stack.
    Stack,
    /// Just below the stack: the stack has overflowed.
    BelowStack,
    /// The heap.
    Heap,
    /// The scratchpad.
    Scratchpad,
    /// None of these.
    Unknown,
}

impl SymbolMap {
    /// Reads a map and checks that it belongs to the Image with this hash.
    ///
    /// # Errors
    /// [`SymbolMapError`] when the text is none, or not of this Image.
    pub fn from_json(text: &str, image: CapHash) -> Result<SymbolMap, SymbolMapError> {
        // The version first: another one may have another shape.
        #[derive(Deserialize)]
        struct Version {
            version: u32,
        }
        let Version { version } = serde_json::from_str(text)?;
        if version != SYMBOL_MAP_VERSION {
            return Err(SymbolMapError::Version(version));
        }
        let map: SymbolMap = serde_json::from_str(text)?;
        let expected = image.to_string();
        if map.image != expected {
            return Err(SymbolMapError::OtherImage { found: map.image, expected });
        }
        let sorted = |list: &[Named]| {
            list.iter().all(|item| item.start <= item.end) && list.windows(2).all(|pair| pair[0].end <= pair[1].start)
        };
        for (name, list) in [("functions", &map.functions), ("data", &map.data)] {
            if !sorted(list) {
                return Err(SymbolMapError::Unsorted(name));
            }
        }
        Ok(map)
    }

    /// The map as JSON, with a line for each name and one at the end. Always the same for the same map.
    ///
    /// # Errors
    /// None in practice; JSON of numbers and strings can always be written.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        let mut text = String::from("{\n");
        let list = |list: &[Named]| -> Result<String, serde_json::Error> {
            let lines = list.iter().map(|item| Ok(format!("\n    {}", serde_json::to_string(item)?)));
            let lines: Result<Vec<String>, serde_json::Error> = lines.collect();
            let lines = lines?;
            Ok(if lines.is_empty() { "[]".into() } else { format!("[{}\n  ]", lines.join(",")) })
        };
        let fields = [
            ("version", serde_json::to_string(&self.version)?),
            ("image", serde_json::to_string(&self.image)?),
            ("input", serde_json::to_string(&self.input)?),
            ("stack", serde_json::to_string(&self.stack)?),
            ("heap", serde_json::to_string(&self.heap)?),
            ("scratchpad", serde_json::to_string(&self.scratchpad)?),
            ("functions", list(&self.functions)?),
            ("data", list(&self.data)?),
            ("lines", indented(&serde_json::to_string_pretty(&self.lines)?)),
        ];
        let fields: Vec<String> = fields.iter().map(|(name, value)| format!("  \"{name}\": {value}")).collect();
        text.push_str(&fields.join(",\n"));
        text.push_str("\n}\n");
        Ok(text)
    }

    /// The function that the code at offset `pc` belongs to.
    #[must_use]
    pub fn function_at(&self, pc: u32) -> Option<&Named> {
        named_at(&self.functions, pc)
    }

    /// The functions that the code at offset `pc` belongs to, from the innermost inlined one out to the one that the
    /// code stands in; none if that one is not known.
    #[must_use]
    pub fn frames_at(&self, pc: u32) -> Vec<Frame<'_>> {
        let Some(outermost) = self.function_at(pc) else { return Vec::new() };
        let run = self.lines.run_at(pc);
        let mut at = run.map_or(Line::default(), |run| run.at);
        let mut frames = Vec::new();
        let frame = |function, at: Line, is_inlined| {
            let line = Some(at.line).filter(|&line| line > 0);
            Frame { function, file: self.lines.file(at.file), line, is_inlined }
        };
        for (call, name) in self.lines.chain(run.map_or(0, |run| run.inlined)) {
            frames.push(frame(name, at, true));
            at = call.call;
        }
        frames.push(frame(&outermost.name, at, false));
        frames
    }

    /// What lies at an address.
    #[must_use]
    pub fn memory_at(&self, address: u32) -> Memory<'_> {
        let below = Range { start: self.stack.start.saturating_sub(OVERFLOW_REACH), end: self.stack.start };
        if let Some(found) = named_at(&self.data, address) {
            Memory::Data(&found.name, address - found.start)
        } else if self.stack.contains(address) {
            Memory::Stack
        } else if below.contains(address) {
            Memory::BelowStack
        } else if self.heap.contains(address) {
            Memory::Heap
        } else if self.scratchpad.contains(address) {
            Memory::Scratchpad
        } else {
            Memory::Unknown
        }
    }

    /// Whether a fault at an address means that the stack has overflowed.
    #[must_use]
    pub fn is_stack_overflow(&self, address: u32) -> bool {
        self.memory_at(address) == Memory::BelowStack
    }
}

/// Text of several lines, all but the first moved in.
fn indented(text: &str) -> String {
    text.replace('\n', "\n  ")
}

fn named_at(list: &[Named], place: u32) -> Option<&Named> {
    let behind = list.partition_point(|item| item.start <= place);
    list.get(behind.checked_sub(1)?).filter(|item| place < item.end)
}
