//! Which source line each piece of the output comes from: the table, and the text that it is in a symbol map.
//!
//! The normative text is `docs/spec/linker.md`, "Source lines".

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Most calls of inlined functions, one in the other, that a place of the output is told with.
pub const MAX_INLINED: usize = 64;

/// Characters of encoded text in a line of the symbol map.
const TEXT_LINE: usize = 100;

/// A place in the source. Zero means unknown.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Line {
    /// The number of the file, from 1 on.
    pub file: u32,
    /// The number of the line, from 1 on.
    pub line: u32,
}

/// A call that the compiler has replaced by the function's body.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Inlined {
    /// The number of the function's name, from 0 on.
    pub name: u32,
    /// The inlined call that this one stands in, by its number from 1 on; 0 if it stands in the function itself.
    pub within: u32,
    /// Where the call stands in the source.
    pub call: Line,
}

/// Code from `start` up to the next run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Run {
    /// The code offset of its first instruction.
    pub start: u32,
    /// The innermost inlined call that it belongs to, by its number from 1 on; 0 if there is none.
    pub inlined: u32,
    /// Its source line.
    pub at: Line,
}

/// Source lines of a program's code. All numbers in it are of something that exists.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(try_from = "Text", into = "Text")]
pub struct LineTable {
    files: Vec<String>,
    names: Vec<String>,
    inlined: Vec<Inlined>,
    runs: Vec<Run>,
}

/// Why numbers are not a line table.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum LineTableError {
    /// A character that is no digit of the encoding, or a number that is cut or too large.
    #[error("its text of {0} is no list of numbers")]
    Digits(&'static str),
    /// The number of a file, name or inlined call that is not there.
    #[error("it has no {0} of number {1}")]
    Missing(&'static str, u32),
    /// An inlined call stands in itself or in a later one.
    #[error("inlined call {0} stands in a later one")]
    Order(u32),
    /// The runs are not in the order of the code.
    #[error("its runs are not sorted")]
    Unsorted,
}

impl LineTable {
    /// A table of these parts.
    ///
    /// # Errors
    /// [`LineTableError`] when a number names nothing, or an order is wrong.
    pub fn new(
        files: Vec<String>,
        names: Vec<String>,
        inlined: Vec<Inlined>,
        runs: Vec<Run>,
    ) -> Result<LineTable, LineTableError> {
        let check = |what, number: u32, count: usize| match number as usize <= count {
            true => Ok(()),
            false => Err(LineTableError::Missing(what, number)),
        };
        for (number, call) in (1_u32..).zip(&inlined) {
            check("name", call.name.saturating_add(1), names.len())?;
            check("file", call.call.file, files.len())?;
            if call.within >= number {
                return Err(LineTableError::Order(number));
            }
        }
        for run in &runs {
            check("file", run.at.file, files.len())?;
            check("inlined call", run.inlined, inlined.len())?;
        }
        if !runs.windows(2).all(|pair| pair[0].start < pair[1].start) {
            return Err(LineTableError::Unsorted);
        }
        Ok(LineTable { files, names, inlined, runs })
    }

    /// Whether nothing is known of any code.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// The runs, ascending.
    #[must_use]
    pub fn runs(&self) -> &[Run] {
        &self.runs
    }

    /// The run that the code at offset `pc` belongs to.
    #[must_use]
    pub fn run_at(&self, pc: u32) -> Option<&Run> {
        let behind = self.runs.partition_point(|run| run.start <= pc);
        self.runs.get(behind.checked_sub(1)?)
    }

    /// The name of a file; `None` for number 0.
    #[must_use]
    pub fn file(&self, number: u32) -> Option<&str> {
        self.files.get(number.checked_sub(1)? as usize).map(String::as_str)
    }

    /// The inlined call of a number, and the name of its function; `None` for number 0.
    #[must_use]
    pub fn inlined(&self, number: u32) -> Option<(&Inlined, &str)> {
        let call = self.inlined.get(number.checked_sub(1)? as usize)?;
        Some((call, self.names.get(call.name as usize)?))
    }

    /// The inlined call of this number and those around it, from the innermost out; at most [`MAX_INLINED`].
    pub fn chain(&self, number: u32) -> impl Iterator<Item = (&Inlined, &str)> {
        std::iter::successors(self.inlined(number), |(call, _)| self.inlined(call.within)).take(MAX_INLINED)
    }
}

/// The table as it is written: strings, and numbers as text.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    files: Vec<String>,
    names: Vec<String>,
    inlined: Vec<String>,
    runs: Vec<String>,
}

/// Five bits a character, the lowest first; the first 32 characters end a number, the others have more behind them.
const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Writes numbers.
#[derive(Default)]
struct Writer {
    lines: Vec<String>,
}

impl Writer {
    fn number(&mut self, mut number: u64) {
        if self.lines.last().is_none_or(|line| line.len() >= TEXT_LINE) {
            self.lines.push(String::new());
        }
        let Some(line) = self.lines.last_mut() else { return };
        loop {
            let more = number > 31;
            line.push(char::from(DIGITS[(number & 31) as usize | usize::from(more) << 5]));
            number >>= 5;
            if !more {
                return;
            }
        }
    }

    /// The difference of a number from the one before: 0, -1, 1, -2, 2 become 0, 1, 2, 3, 4.
    fn step(&mut self, from: u32, to: u32) {
        let step = i64::from(to) - i64::from(from);
        self.number(if step < 0 { (-step) as u64 * 2 - 1 } else { step as u64 * 2 });
    }
}

/// Reads numbers.
struct Reader<'a> {
    what: &'static str,
    digits: Box<dyn Iterator<Item = u8> + 'a>,
}

impl<'a> Reader<'a> {
    fn new(what: &'static str, lines: &'a [String]) -> Reader<'a> {
        Reader { what, digits: Box::new(lines.iter().flat_map(|line| line.bytes())) }
    }

    /// The next number; `None` at the end.
    fn number(&mut self) -> Result<Option<u64>, LineTableError> {
        let wrong = LineTableError::Digits(self.what);
        let mut number = 0_u64;
        for place in 0..8 {
            let Some(digit) = self.digits.next() else {
                return if place == 0 { Ok(None) } else { Err(wrong) };
            };
            let value = match digit {
                b'A'..=b'Z' => digit - b'A',
                b'a'..=b'z' => digit - b'a' + 26,
                b'0'..=b'9' => digit - b'0' + 52,
                b'-' => 62,
                b'_' => 63,
                _ => return Err(wrong),
            };
            number |= u64::from(value & 31) << (5 * place);
            if value < 32 {
                return Ok(Some(number));
            }
        }
        Err(wrong)
    }

    /// The number that differs from `from` as the text says.
    fn step(&mut self, from: u32) -> Result<Option<u32>, LineTableError> {
        let Some(number) = self.number()? else { return Ok(None) };
        let half = (number >> 1) as i64;
        let step = if number & 1 == 1 { -half - 1 } else { half };
        let to = u32::try_from(i64::from(from) + step).map_err(|_| LineTableError::Digits(self.what))?;
        Ok(Some(to))
    }

    /// As many numbers as `last` has, each by its difference from there; `None` at the end.
    fn record<const N: usize>(&mut self, last: [u32; N]) -> Result<Option<[u32; N]>, LineTableError> {
        let mut record = last;
        for (index, field) in record.iter_mut().enumerate() {
            match self.step(*field)? {
                Some(value) => *field = value,
                None if index == 0 => return Ok(None),
                None => return Err(LineTableError::Digits(self.what)),
            }
        }
        Ok(Some(record))
    }
}

fn write<const N: usize>(records: impl Iterator<Item = [u32; N]>) -> Vec<String> {
    let mut writer = Writer::default();
    let mut last = [0; N];
    for record in records {
        for (from, to) in last.iter().zip(record) {
            writer.step(*from, to);
        }
        last = record;
    }
    writer.lines
}

fn read<const N: usize>(what: &'static str, lines: &[String]) -> Result<Vec<[u32; N]>, LineTableError> {
    let mut reader = Reader::new(what, lines);
    let mut records = Vec::new();
    let mut last = [0; N];
    while let Some(record) = reader.record(last)? {
        records.push(record);
        last = record;
    }
    Ok(records)
}

impl From<LineTable> for Text {
    fn from(table: LineTable) -> Text {
        let inlined = table.inlined.iter().map(|call| [call.name, call.within, call.call.file, call.call.line]);
        let runs = table.runs.iter().map(|run| [run.start, run.inlined, run.at.file, run.at.line]);
        Text { inlined: write(inlined), runs: write(runs), files: table.files, names: table.names }
    }
}

impl TryFrom<Text> for LineTable {
    type Error = LineTableError;

    fn try_from(text: Text) -> Result<LineTable, LineTableError> {
        let inlined = read("inlined calls", &text.inlined)?.into_iter();
        let inlined = inlined.map(|[name, within, file, line]| Inlined { name, within, call: Line { file, line } });
        let runs = read("runs", &text.runs)?.into_iter();
        let runs = runs.map(|[start, inlined, file, line]| Run { start, inlined, at: Line { file, line } });
        LineTable::new(text.files, text.names, inlined.collect(), runs.collect())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn table() -> impl Strategy<Value = LineTable> {
        let line = || (0_u32..4, any::<u32>()).prop_map(|(file, line)| Line { file, line });
        let calls = prop::collection::vec((0_u32..5, any::<u32>(), line()), 0..20);
        let runs = prop::collection::btree_map(any::<u32>(), (any::<u32>(), line()), 0..50);
        (calls, runs).prop_map(|(calls, runs)| {
            let count = calls.len() as u32;
            let calls =
                (1..).zip(calls).map(|(number, (name, within, call))| Inlined { name, within: within % number, call });
            let runs = runs.into_iter().map(|(start, (inlined, at))| Run { start, inlined: inlined % (count + 1), at });
            let strings = |count: usize| (0..count).map(|number| format!("\"{number}\\")).collect();
            LineTable::new(strings(3), strings(5), calls.collect(), runs.collect()).unwrap()
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn text_says_everything(table in table()) {
            let text = serde_json::to_string(&table).unwrap();
            prop_assert_eq!(serde_json::from_str::<LineTable>(&text).unwrap(), table);
        }

        #[test]
        fn a_run_is_found_from_its_start_to_the_next(table in table(), pc: u32) {
            let expected = table.runs.iter().rev().find(|run| run.start <= pc);
            prop_assert_eq!(table.run_at(pc), expected);
            for run in table.runs() {
                prop_assert_eq!(table.run_at(run.start), Some(run));
                prop_assert!(table.chain(run.inlined).count() <= MAX_INLINED);
            }
        }

        #[test]
        fn any_text_is_a_table_or_an_error(
            inlined in prop::collection::vec("[A-Za-z0-9_-]{0,40}", 0..3),
            runs in prop::collection::vec("[A-Da-d0-3_-]{0,40}|\\PC{0,4}", 0..3),
        ) {
            let text = Text { files: vec!["f".into(); 2], names: vec!["n".into(); 3], inlined, runs };
            if let Ok(table) = LineTable::try_from(text) {
                for run in table.runs() {
                    for (call, name) in table.chain(run.inlined) {
                        prop_assert_eq!(name, "n");
                        prop_assert!(call.call.file <= 2);
                    }
                }
                let again = serde_json::to_string(&table).unwrap();
                prop_assert_eq!(serde_json::from_str::<LineTable>(&again).unwrap(), table);
            }
        }
    }

    #[test]
    fn the_text_is_the_one_of_the_specification() {
        let call = Inlined { name: 0, within: 0, call: Line { file: 1, line: 40 } };
        let runs = [
            Run { start: 0, inlined: 0, at: Line { file: 1, line: 12 } },
            Run { start: 6, inlined: 1, at: Line { file: 2, line: 3 } },
        ];
        let table = LineTable::new(vec!["a.c".into(), "b.h".into()], vec!["f".into()], vec![call], runs.to_vec());
        let text = serde_json::to_string(&table.unwrap()).unwrap();
        assert_eq!(text, r#"{"files":["a.c","b.h"],"names":["f"],"inlined":["AACwC"],"runs":["AACYMCCR"]}"#);
        for (wrong, error) in [
            (["AAC", "A"], LineTableError::Digits("inlined calls")),
            (["AACwC", "g"], LineTableError::Digits("runs")),
            (["AACwC", "B"], LineTableError::Digits("runs")),
            (["CAAA", ""], LineTableError::Missing("name", 2)),
            (["ACAA", ""], LineTableError::Order(1)),
            (["", "AAGA"], LineTableError::Missing("file", 3)),
            (["", "ACAA"], LineTableError::Missing("inlined call", 1)),
            (["", "AAAAAAAA"], LineTableError::Unsorted),
        ] {
            let [inlined, runs] = wrong.map(|text| vec![text.to_string()]);
            let text = Text { files: vec!["a.c".into(), "b.h".into()], names: vec!["f".into()], inlined, runs };
            assert_eq!(LineTable::try_from(text).unwrap_err(), error, "{wrong:?}");
        }
    }
}
