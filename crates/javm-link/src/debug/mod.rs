//! Source lines of the output, from the debug information (DWARF) of the input.
//!
//! - `sections`: the input's debug sections, relocated. `units`: what they say. `paths`: names of files.
//!
//! Debug information is a help: nothing that is wrong with it makes linking fail, or changes the Image.

mod paths;
mod sections;
mod units;

use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;

use gimli::{EndianSlice, LittleEndian};
use thiserror::Error;

use crate::elf::Object;
use crate::lines::{Inlined, Line, LineTable, MAX_INLINED, Run};
use crate::resolve::At;
use paths::Roots;
use sections::Addresses;
use units::{Row, Span, Stop, Units};

/// Why source lines are missing, or some of them.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Error)]
#[non_exhaustive]
pub enum DebugNote {
    /// The input has no debug information.
    #[error("no debug information: source lines are not known (compile with -g, or debug = \"line-tables-only\")")]
    Missing,
    /// It is compressed.
    #[error("compressed debug information is not read: source lines are not known (compile without -gz)")]
    Compressed,
    /// A part of it makes no sense.
    #[error("damaged debug information: {0}; some source lines are not known")]
    Damaged(String),
    /// It says the same again and again.
    #[error("the debug information takes more work than its size justifies; some source lines are not known")]
    TooMuch,
}

/// The source lines of the code, and what keeps them from being complete. `origins` says for each instruction of the
/// output, in order, where in the input it comes from; `entry` is the place of the program's first endpoint.
pub(crate) fn lines(object: &Object, origins: &[(u32, At)], entry: Option<At>) -> (LineTable, Vec<DebugNote>) {
    let is_debug = |name: &str| name.starts_with(".debug_");
    let mut found = object.sections.iter().filter(|section| is_debug(&section.name) && section.size > 0).peekable();
    if found.peek().is_none() {
        return (LineTable::default(), vec![DebugNote::Missing]);
    }
    if found.clone().any(|section| section.is_compressed) {
        return (LineTable::default(), vec![DebugNote::Compressed]);
    }
    let bytes = found.map(|section| section.data.len() as u64).sum();
    let addresses = Addresses::new(object);
    let sections = sections::read(object, &addresses);
    let dwarf = sections.borrow(|section| EndianSlice::new(section, LittleEndian));
    let mut units = Units::read(&dwarf, bytes);
    let notes: BTreeSet<DebugNote> = units.stops.drain(..).map(DebugNote::from).collect();
    let notes = notes.into_iter().collect();

    units.rows.sort_by_key(|row| row.start);
    units.spans.sort_unstable();
    let table = Builder::new(&units, entry.map(|at| addresses.of(at))).build(origins, &addresses);
    (table, notes)
}

impl From<Stop> for DebugNote {
    fn from(stop: Stop) -> DebugNote {
        match stop {
            Stop::Damaged(error) => DebugNote::Damaged(error.to_string()),
            Stop::TooMuch => DebugNote::TooMuch,
        }
    }
}

/// Gives things numbers from 0 on, the same number to the same thing.
struct Numbers<T> {
    known: HashMap<T, u32>,
    list: Vec<T>,
}

impl<T: Clone + Eq + Hash> Numbers<T> {
    fn new() -> Numbers<T> {
        Numbers { known: HashMap::new(), list: Vec::new() }
    }

    fn of(&mut self, thing: T) -> u32 {
        *self.known.entry(thing).or_insert_with_key(|thing| {
            self.list.push(thing.clone());
            self.list.len() as u32 - 1
        })
    }
}

struct Builder<'u, 'a> {
    units: &'u Units<'a>,
    roots: Roots<'u>,
    files: Numbers<String>,
    names: Numbers<String>,
    inlined: Numbers<Inlined>,
    /// The number in the table of each file and each inlined call that was needed so far.
    files_known: HashMap<u32, u32>,
    scopes_known: HashMap<u32, u32>,
}

impl<'u, 'a> Builder<'u, 'a> {
    fn new(units: &'u Units<'a>, entry: Option<u64>) -> Builder<'u, 'a> {
        let row = entry.and_then(|entry| row_at(&units.rows, entry));
        let own = row.and_then(|row| units.paths.get(row.path? as usize)).or(units.paths.first());
        let firsts: BTreeSet<&str> = units
            .paths
            .iter()
            .filter_map(|path| path.run_in.split('/').next())
            .filter(|part| !part.is_empty())
            .collect();
        Builder {
            units,
            roots: Roots { own: own.map_or("", |path| &path.run_in), others: firsts.into_iter().collect() },
            files: Numbers::new(),
            names: Numbers::new(),
            inlined: Numbers::new(),
            files_known: HashMap::new(),
            scopes_known: HashMap::new(),
        }
    }

    fn build(mut self, origins: &[(u32, At)], addresses: &Addresses) -> LineTable {
        let mut by_address: Vec<(u64, usize)> =
            origins.iter().enumerate().map(|(index, &(_, at))| (addresses.of(at), index)).collect();
        by_address.sort_unstable();
        let mut found = vec![(None, None); origins.len()];
        let mut spans = self.units.spans.iter().peekable();
        // What is open at the address, the innermost last.
        let mut open: Vec<&Span> = Vec::new();
        for (address, index) in by_address {
            while let Some(span) = spans.next_if(|span| span.start <= address) {
                while open.last().is_some_and(|last| last.end <= span.start) {
                    open.pop();
                }
                open.push(span);
            }
            while open.last().is_some_and(|last| last.end <= address) {
                open.pop();
            }
            found[index] = (row_at(&self.units.rows, address), open.last().map(|span| span.scope));
        }
        let mut runs: Vec<Run> = Vec::new();
        for (&(start, _), (row, scope)) in origins.iter().zip(found) {
            let at = row.map_or(Line::default(), |row| self.line(row.path, row.line));
            let inlined = scope.map_or(0, |scope| self.inlined(scope));
            if runs.last().is_none_or(|last| (last.inlined, last.at) != (inlined, at)) {
                runs.push(Run { start, inlined, at });
            }
        }
        if runs.iter().all(|run| run.at == Line::default() && run.inlined == 0) {
            return LineTable::default();
        }
        // The numbers come from the lists themselves, and code offsets ascend.
        LineTable::new(self.files.list, self.names.list, self.inlined.list, runs).unwrap_or_default()
    }

    fn line(&mut self, path: Option<u32>, line: u32) -> Line {
        let Some(path) = path else { return Line { file: 0, line } };
        let file = *self.files_known.entry(path).or_insert_with(|| {
            let raw = &self.units.paths[path as usize];
            self.files.of(self.roots.name(raw)) + 1
        });
        Line { file, line }
    }

    /// The number of an inlined call, from 1 on. Those around it get theirs first.
    fn inlined(&mut self, scope: u32) -> u32 {
        let mut missing = Vec::new();
        let mut next = Some(scope);
        while let Some(scope) = next.filter(|scope| !self.scopes_known.contains_key(scope)) {
            missing.push(scope);
            next = self.units.scopes[scope as usize].within;
        }
        let mut number = next.map_or(0, |scope| self.scopes_known[&scope]);
        // Calls further in than anybody looks stand for the one that they are in.
        for (count, scope) in missing.into_iter().rev().enumerate() {
            let found = self.units.scopes[scope as usize];
            if count < MAX_INLINED {
                let name = found.function.and_then(|function| self.units.name(function));
                let name = self.names.of(name.unwrap_or_else(|| "?".into()));
                let call = self.line(found.call_path, found.call_line);
                number = self.inlined.of(Inlined { name, within: number, call }) + 1;
            }
            self.scopes_known.insert(scope, number);
        }
        number
    }
}

/// The row that an address belongs to.
fn row_at(rows: &[Row], address: u64) -> Option<&Row> {
    let behind = rows.partition_point(|row| row.start <= address);
    rows.get(behind.checked_sub(1)?).filter(|row| address < row.end)
}
