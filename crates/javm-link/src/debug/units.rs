//! Reading DWARF: rows of line tables, and calls of inlined functions.
//!
//! Compilation units share tables as they like, so that a small file could ask for the same work again and again. Every
//! step is therefore counted, and reading ends where that is more than the size of the input justifies.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;
use std::sync::Arc;

use gimli::{
    Abbreviations, Attribute, AttributeValue, DebugAbbrev, DebugAbbrevOffset, Dwarf, EndianSlice, LittleEndian, Unit,
    UnitHeader, constants as c,
};

use super::paths::RawPath;

type Slice<'a> = EndianSlice<'a, LittleEndian>;

/// Steps for each byte of debug information: a compiler's output takes less than ten.
const STEPS_PER_BYTE: u64 = 64;

/// Longest name of a function that is kept, in bytes of what the compiler calls it.
const MAX_NAME: usize = 1000;

/// Most places that a name is looked for in, one referring to the next.
const MAX_REFERENCES: usize = 8;

/// Why reading a unit has ended early.
pub(super) enum Stop {
    Damaged(gimli::Error),
    TooMuch,
}

impl From<gimli::Error> for Stop {
    fn from(error: gimli::Error) -> Stop {
        Stop::Damaged(error)
    }
}

/// Code of a source line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    pub start: u64,
    pub end: u64,
    /// An index into [`Units::paths`].
    pub path: Option<u32>,
    pub line: u32,
}

/// A call of an inlined function.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scope {
    /// An index into [`Units::scopes`], less than that of this one.
    pub within: Option<u32>,
    /// Where the debug information describes the function.
    pub function: Option<usize>,
    pub call_path: Option<u32>,
    pub call_line: u32,
}

/// Code of an inlined function.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Span {
    pub start: u64,
    /// How many inlined functions it is in.
    pub depth: u32,
    pub scope: u32,
    pub end: u64,
}

/// What a function's description says of its name.
#[derive(Clone, Copy, Default)]
struct Described<'a> {
    linkage: Option<&'a [u8]>,
    name: Option<&'a [u8]>,
    /// The description that says more.
    see: Option<usize>,
}

/// What was found.
#[derive(Default)]
pub(super) struct Units<'a> {
    pub rows: Vec<Row>,
    pub scopes: Vec<Scope>,
    pub spans: Vec<Span>,
    pub paths: Vec<RawPath>,
    /// What went wrong in units that are not told whole.
    pub stops: Vec<Stop>,
    numbers: HashMap<RawPath, u32>,
    functions: HashMap<usize, Described<'a>>,
}

impl<'a> Units<'a> {
    /// Reads all units. What cannot be read is left out and said in `stops`.
    pub fn read(dwarf: &Dwarf<Slice<'a>>, bytes: u64) -> Units<'a> {
        let mut units = Units::default();
        let mut reader =
            Reading { dwarf, left: bytes.saturating_mul(STEPS_PER_BYTE), tables: BTreeMap::new(), units: &mut units };
        let mut headers = Vec::new();
        let mut iter = dwarf.units();
        loop {
            match iter.next() {
                Ok(Some(header)) => headers.push(header),
                Ok(None) => break,
                Err(error) => {
                    reader.units.stops.push(error.into());
                    break;
                }
            }
        }
        reader.tables = headers.iter().map(|header| (header.debug_abbrev_offset().0, None)).collect();
        for header in headers {
            match reader.unit(header) {
                Ok(()) => {}
                Err(stop) => {
                    let is_over = matches!(stop, Stop::TooMuch);
                    reader.units.stops.push(stop);
                    if is_over {
                        break;
                    }
                }
            }
        }
        units
    }

    /// The name of the function that is described at a place.
    pub fn name(&self, function: usize) -> Option<String> {
        let mut place = function;
        let mut plain = None;
        for _ in 0..MAX_REFERENCES {
            let described = self.functions.get(&place)?;
            if let Some(linkage) = described.linkage {
                return Some(demangled(linkage));
            }
            plain = plain.or(described.name);
            match described.see {
                Some(next) => place = next,
                None => break,
            }
        }
        plain.map(|name| without_arguments(&String::from_utf8_lossy(name)))
    }
}

/// The name as the source has it, cut where it is longer than [`MAX_NAME`]: a short symbol can stand for a very long name.
fn demangled(symbol: &[u8]) -> String {
    struct Limited(String);
    impl Write for Limited {
        fn write_str(&mut self, text: &str) -> std::fmt::Result {
            self.0.push_str(text);
            if self.0.len() > MAX_NAME { Err(std::fmt::Error) } else { Ok(()) }
        }
    }
    let mut name = Limited(String::new());
    match write!(name, "{:#}", rustc_demangle::demangle(&String::from_utf8_lossy(symbol))) {
        Ok(()) => name.0,
        Err(_) => name.0.chars().take(MAX_NAME).chain("...".chars()).collect(),
    }
}

/// `fold<u8, usize>` is `fold`: a list of types says little of the place and may be a screen long.
fn without_arguments(name: &str) -> String {
    match name.find('<') {
        Some(end) if end > 0 && !name.starts_with("operator") => name[..end].into(),
        _ => name.into(),
    }
}

struct Reading<'r, 'a> {
    dwarf: &'r Dwarf<Slice<'a>>,
    /// Steps that are left.
    left: u64,
    /// The tables of abbreviations by where they start. Each ends at the latest where the next one starts.
    tables: BTreeMap<usize, Option<Arc<Abbreviations>>>,
    units: &'r mut Units<'a>,
}

/// What is needed of the attributes of an entry.
#[derive(Default)]
struct Entry<'a> {
    low: Option<u64>,
    high: Option<AttributeValue<Slice<'a>>>,
    ranges: Option<AttributeValue<Slice<'a>>>,
    call_file: Option<u64>,
    call_line: Option<u64>,
    described: Described<'a>,
}

impl<'a> Reading<'_, 'a> {
    fn spend(&mut self, steps: usize) -> Result<(), Stop> {
        self.left = self.left.checked_sub(steps as u64).ok_or(Stop::TooMuch)?;
        Ok(())
    }

    fn unit(&mut self, header: UnitHeader<Slice<'a>>) -> Result<(), Stop> {
        let abbreviations = self.abbreviations(header.debug_abbrev_offset().0)?;
        let unit = Unit::new_with_abbreviations(self.dwarf, header, abbreviations)?;
        if let Some(program) = &unit.line_program {
            self.spend(program.header().header_length())?;
        }
        let paths = self.paths(&unit)?;
        self.entries(&unit, &paths)?;
        self.rows(&unit, &paths)
    }

    fn abbreviations(&mut self, start: usize) -> Result<Arc<Abbreviations>, Stop> {
        if let Some(Some(known)) = self.tables.get(&start) {
            return Ok(known.clone());
        }
        let all = gimli::Section::reader(&self.dwarf.debug_abbrev).slice();
        let end = self.tables.range(start + 1..).next().map_or(all.len(), |(&next, _)| next.min(all.len()));
        let own = DebugAbbrev::new(&all[..end], LittleEndian);
        let table = Arc::new(own.abbreviations(DebugAbbrevOffset(start))?);
        self.tables.insert(start, Some(table.clone()));
        Ok(table)
    }

    /// The numbers of the unit's files, by their index in its table.
    fn paths(&mut self, unit: &Unit<Slice<'a>>) -> Result<Vec<Option<u32>>, Stop> {
        let Some(program) = &unit.line_program else { return Ok(Vec::new()) };
        let header = program.header();
        let run_in = unit.comp_dir.map_or(String::new(), |folder| text(folder.slice()));
        let first = usize::from(header.version() <= 4);
        let mut paths = vec![None; first];
        for file in header.file_names() {
            let name = self.string(unit, file.path_name())?;
            let folder = match (file.directory_index(), file.directory(header)) {
                (0, _) | (_, None) => "".into(),
                (_, Some(folder)) => text(self.string(unit, folder)?),
            };
            self.spend(1 + run_in.len())?;
            let path = RawPath { run_in: run_in.clone(), folder, name: text(name) };
            let units = &mut *self.units;
            let number = *units.numbers.entry(path).or_insert_with_key(|path| {
                units.paths.push(path.clone());
                units.paths.len() as u32 - 1
            });
            paths.push(Some(number));
        }
        Ok(paths)
    }

    fn string(&mut self, unit: &Unit<Slice<'a>>, value: AttributeValue<Slice<'a>>) -> Result<&'a [u8], Stop> {
        let string = self.dwarf.attr_string(unit, value)?.slice();
        self.spend(1 + string.len())?;
        Ok(&string[..string.len().min(MAX_NAME)])
    }

    fn rows(&mut self, unit: &Unit<Slice<'a>>, paths: &[Option<u32>]) -> Result<(), Stop> {
        let Some(program) = unit.line_program.clone() else { return Ok(()) };
        let mut rows = program.rows();
        let mut last: Option<Row> = None;
        while let Some((_, row)) = rows.next_row()? {
            self.left = self.left.checked_sub(1).ok_or(Stop::TooMuch)?;
            let here = row.address();
            if let Some(last) = last.take()
                && last.start < here
            {
                self.units.rows.push(Row { end: here, ..last });
            }
            if !row.end_sequence() {
                let path = usize::try_from(row.file_index()).ok().and_then(|index| *paths.get(index)?);
                let line = row.line().and_then(|line| u32::try_from(line.get()).ok()).unwrap_or(0);
                last = Some(Row { start: here, end: here, path, line });
            }
        }
        Ok(())
    }

    fn entries(&mut self, unit: &Unit<Slice<'a>>, paths: &[Option<u32>]) -> Result<(), Stop> {
        let mut entries = unit.entries_raw(None)?;
        // The innermost inlined call at each depth of the tree, and how many there are around it.
        let mut around: Vec<(Option<u32>, u32)> = Vec::new();
        while !entries.is_empty() {
            let depth = usize::try_from(entries.next_depth()).unwrap_or(0);
            let place = entries.next_offset().to_debug_info_offset(&unit.header).map_or(0, |place| place.0);
            let Some(abbreviation) = entries.read_abbreviation()? else {
                self.spend(1)?;
                continue;
            };
            around.truncate(depth);
            let (within, inlined) = around.last().copied().unwrap_or((None, 0));
            self.spend(1 + abbreviation.attributes().len())?;
            let mut here = (within, inlined);
            match abbreviation.tag() {
                c::DW_TAG_subprogram | c::DW_TAG_inlined_subroutine => {
                    let mut entry = Entry::default();
                    for &attribute in abbreviation.attributes() {
                        let attribute = entries.read_attribute(attribute)?;
                        self.attribute(unit, &mut entry, &attribute)?;
                    }
                    if abbreviation.tag() == c::DW_TAG_subprogram {
                        here = (None, 0);
                        self.units.functions.insert(place, entry.described);
                    } else {
                        here = (Some(self.scope(unit, paths, &entry, within, inlined + 1)?), inlined + 1);
                    }
                }
                _ => entries.skip_attributes(abbreviation.attributes())?,
            }
            // An entry without children leaves the next one at its own depth, which cuts this off again.
            around.resize(depth, here);
            around.push(here);
        }
        Ok(())
    }

    fn attribute(
        &mut self,
        unit: &Unit<Slice<'a>>,
        entry: &mut Entry<'a>,
        attribute: &Attribute<Slice<'a>>,
    ) -> Result<(), Stop> {
        let value = attribute.value();
        match attribute.name() {
            c::DW_AT_low_pc => entry.low = self.dwarf.attr_address(unit, value)?,
            c::DW_AT_high_pc => entry.high = Some(value),
            c::DW_AT_ranges => entry.ranges = Some(value),
            c::DW_AT_call_file => {
                entry.call_file = match value {
                    AttributeValue::FileIndex(index) => Some(index),
                    value => value.udata_value(),
                };
            }
            c::DW_AT_call_line => entry.call_line = value.udata_value(),
            c::DW_AT_name => entry.described.name = Some(self.string(unit, value)?),
            c::DW_AT_linkage_name | c::DW_AT_MIPS_linkage_name => {
                entry.described.linkage = Some(self.string(unit, value)?);
            }
            c::DW_AT_abstract_origin | c::DW_AT_specification => {
                entry.described.see = match value {
                    AttributeValue::UnitRef(offset) => offset.to_debug_info_offset(&unit.header).map(|place| place.0),
                    AttributeValue::DebugInfoRef(offset) => Some(offset.0),
                    _ => None,
                };
            }
            _ => {}
        }
        Ok(())
    }

    /// Keeps an inlined call and gives its number.
    fn scope(
        &mut self,
        unit: &Unit<Slice<'a>>,
        paths: &[Option<u32>],
        entry: &Entry<'a>,
        within: Option<u32>,
        depth: u32,
    ) -> Result<u32, Stop> {
        let scope = self.units.scopes.len() as u32;
        let file = entry.call_file.and_then(|index| usize::try_from(index).ok());
        self.units.scopes.push(Scope {
            within,
            function: entry.described.see,
            call_path: file.and_then(|index| *paths.get(index)?),
            call_line: entry.call_line.and_then(|line| u32::try_from(line).ok()).unwrap_or(0),
        });
        let mut keep = |start: u64, end: u64| {
            if start < end {
                self.units.spans.push(Span { start, depth, scope, end });
            }
        };
        if let Some(ranges) = entry.ranges
            && let Some(mut ranges) = self.dwarf.attr_ranges(unit, ranges)?
        {
            while let Some(range) = ranges.next()? {
                self.left = self.left.checked_sub(1).ok_or(Stop::TooMuch)?;
                keep(range.begin, range.end);
            }
        } else if let (Some(low), Some(high)) = (entry.low, entry.high) {
            let high = match high.udata_value() {
                Some(size) => Some(low.saturating_add(size)),
                None => self.dwarf.attr_address(unit, high)?,
            };
            keep(low, high.unwrap_or(low));
        }
        Ok(scope)
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
