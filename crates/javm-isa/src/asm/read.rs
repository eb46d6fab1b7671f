//! Text to a listing.

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use thiserror::Error;

use super::lexer::{Lexer, Token};
use super::listing::{Content, Listing, ListingErrorReason, Statement, Target};
use super::syntax::{Operand, operands};
use crate::instruction::{EncodeError, Instruction, Lengths, length_of};
use crate::opcode::{Form, Opcode};
use crate::program::Program;
use crate::register::Reg;

/// Where assembly text is wrong, and why.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[error("line {line}, column {column}: {reason}")]
pub struct AsmError {
    /// The line, counted from 1.
    pub line: u32,
    /// The column in characters, counted from 1.
    pub column: u32,
    /// What is wrong there.
    pub reason: AsmErrorReason,
}

/// What can be wrong with assembly text.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum AsmErrorReason {
    /// No token begins with this.
    #[error("unexpected character {0:?}")]
    UnexpectedCharacter(char),
    /// A quoted label does not end on its line.
    #[error("the quoted label does not end on this line")]
    OpenQuote,
    /// `@` or `&` without a name.
    #[error("a label needs a name, as in @loop")]
    EmptyLabel,
    /// Not a number, or one of more than 64 bits.
    #[error("`{0}` is not a number of at most 64 bits (decimal, or hexadecimal with 0x)")]
    Number(String),
    /// No instruction has this name.
    #[error("there is no instruction `{0}`")]
    UnknownMnemonic(String),
    /// No directive has this name.
    #[error("there is no directive `{0}` (there are .jump_table, .jump_table_width, .raw and .gap)")]
    UnknownDirective(String),
    /// Something else belongs here.
    #[error("expected {expected}, found {found}")]
    Expected {
        /// What belongs here.
        expected: &'static str,
        /// What stands here.
        found: String,
    },
    /// Bytes are written as two hexadecimal digits each.
    #[error("`{0}` is not a byte of two hexadecimal digits")]
    Byte(String),
    /// A code offset needs more than 32 bits.
    #[error("code offset {0:#x} needs more than 32 bits")]
    TargetTooLarge(u64),
    /// The label of a jump table entry is not in the jump table.
    #[error("@{0} is not in the .jump_table, so that it has no address")]
    NotInJumpTable(String),
    /// The width of jump table entries is given a second time.
    #[error("the width of jump table entries is given a second time")]
    SecondWidth,
    /// The listing cannot be assembled.
    #[error(transparent)]
    Listing(#[from] ListingErrorReason),
}

impl From<EncodeError> for AsmErrorReason {
    fn from(error: EncodeError) -> AsmErrorReason {
        AsmErrorReason::Listing(error.into())
    }
}

/// A line and a column.
type Place = (u32, u32);

/// A listing and where its parts stand in the text.
#[derive(Default)]
pub(super) struct Located {
    listing: Listing,
    /// Where each statement stands.
    places: Vec<Place>,
    /// Where each label stands for the second time, or is first referred to.
    labels: BTreeMap<String, LabelPlaces>,
    width_place: Place,
}

#[derive(Default)]
struct LabelPlaces {
    definition: Option<Place>,
    redefinition: Option<Place>,
    reference: Option<Place>,
}

/// An immediate that is the address of a jump table entry: known when the whole text is read.
struct EntryAddress {
    statement: usize,
    is_y: bool,
    label: String,
    place: Place,
}

pub(super) fn read(text: &str) -> Result<Located, AsmError> {
    let mut reader = Reader {
        located: Located::default(),
        pending: Vec::new(),
        addresses: Vec::new(),
        line: 0,
        lexer: Lexer::new(""),
    };
    for (index, line) in text.lines().enumerate() {
        reader.line = index as u32 + 1;
        reader.lexer = Lexer::new(line);
        reader.line()?;
    }
    reader.finish()
}

impl Located {
    /// Puts the program together; errors name the place in the text.
    pub(super) fn assemble_located(&self) -> Result<Program, AsmError> {
        let error =
            |(line, column): Place, reason: ListingErrorReason| AsmError { line, column, reason: reason.into() };
        self.listing.assemble().map_err(|failed| {
            let statement = self.places.get(failed.statement).copied();
            let label_place = |label: &str, of: fn(&LabelPlaces) -> Option<Place>| self.labels.get(label).and_then(of);
            let place = match &failed.reason {
                ListingErrorReason::UnknownLabel(label) => label_place(label, |places| places.reference),
                ListingErrorReason::DuplicateLabel(label) => label_place(label, |places| places.redefinition),
                ListingErrorReason::EntryWidth { .. } => Some(self.width_place),
                _ => statement,
            };
            error(place.or(statement).unwrap_or((1, 1)), failed.reason)
        })
    }

    /// The listing.
    pub(super) fn into_listing(self) -> Listing {
        self.listing
    }
}

struct Reader<'a> {
    located: Located,
    /// Labels that stand before the next statement.
    pending: Vec<String>,
    addresses: Vec<EntryAddress>,
    line: u32,
    lexer: Lexer<'a>,
}

/// An immediate as written.
struct Immediate {
    value: u64,
    length: Option<u8>,
    entry: Option<String>,
    place: Place,
}

impl<'a> Reader<'a> {
    fn error(&self, at: usize, reason: impl Into<AsmErrorReason>) -> AsmError {
        AsmError { line: self.line, column: self.lexer.column(at), reason: reason.into() }
    }

    fn place(&mut self) -> Place {
        let at = self.lexer.position();
        (self.line, self.lexer.column(at))
    }

    fn next(&mut self) -> Result<Token<'a>, AsmError> {
        let at = self.lexer.position();
        self.lexer.next().map_err(|reason| self.error(at, reason))
    }

    /// The next token without taking it.
    fn peek(&mut self) -> Result<Token<'a>, AsmError> {
        let lexer = self.lexer;
        let token = self.next();
        self.lexer = lexer;
        token
    }

    /// Whether `mark` comes next, which is then taken.
    fn skip(&mut self, mark: char) -> Result<bool, AsmError> {
        let is_next = self.peek()? == Token::Mark(mark);
        if is_next {
            self.next()?;
        }
        Ok(is_next)
    }

    fn expect(&mut self, mark: char, expected: &'static str) -> Result<(), AsmError> {
        if self.skip(mark)? { Ok(()) } else { Err(self.unexpected(expected)) }
    }

    /// The error that something else than the next token belongs here.
    fn unexpected(&mut self, expected: &'static str) -> AsmError {
        let at = self.lexer.position();
        let lexer = self.lexer;
        match self.next() {
            Err(error) => error,
            Ok(Token::End) => {
                self.error(at, AsmErrorReason::Expected { expected, found: "the end of the line".into() })
            }
            Ok(_) => {
                let taken = lexer.rest().len().saturating_sub(self.lexer.rest().len());
                let found = lexer.rest().get(..taken).unwrap_or_default().trim();
                self.error(at, AsmErrorReason::Expected { expected, found: alloc::format!("`{found}`") })
            }
        }
    }

    fn line(&mut self) -> Result<(), AsmError> {
        loop {
            let place = self.place();
            let at = self.lexer.position();
            match self.peek()? {
                Token::End => return Ok(()),
                Token::Label(label) => {
                    self.next()?;
                    self.expect(':', "`:` behind the label")?;
                    let places = self.located.labels.entry(label.into()).or_default();
                    match places.definition {
                        None => places.definition = Some(place),
                        Some(_) => places.redefinition = places.redefinition.or(Some(place)),
                    }
                    self.pending.push(label.into());
                }
                Token::Word(word) => {
                    self.next()?;
                    return self.statement(word, at, place);
                }
                _ => return Err(self.unexpected("a label, an instruction or a directive")),
            }
        }
    }

    fn statement(&mut self, word: &str, at: usize, place: Place) -> Result<(), AsmError> {
        let content = match word {
            ".jump_table" => return self.jump_table(),
            ".jump_table_width" => return self.jump_table_width(place),
            ".raw" => Content::Raw(self.bytes()?),
            ".gap" => Content::Gap(self.bytes()?),
            _ if word.starts_with('.') => return Err(self.error(at, AsmErrorReason::UnknownDirective(word.into()))),
            _ => match Opcode::from_mnemonic(word) {
                Some(opcode) => self.instruction(opcode)?,
                None => return Err(self.error(at, AsmErrorReason::UnknownMnemonic(word.into()))),
            },
        };
        let labels = core::mem::take(&mut self.pending);
        self.located.listing.statements.push(Statement { labels, content });
        self.located.places.push(place);
        Ok(())
    }

    fn jump_table(&mut self) -> Result<(), AsmError> {
        loop {
            let place = self.place();
            let entry = match self.peek()? {
                Token::Label(label) => {
                    self.refer(label, place);
                    Target::Label(label.into())
                }
                Token::Number(offset) => Target::Offset(offset),
                _ => return Err(self.unexpected("a label or a code offset")),
            };
            self.next()?;
            self.located.listing.jump_table.push(entry);
            if !self.skip(',')? {
                return self.end();
            }
        }
    }

    fn jump_table_width(&mut self, place: Place) -> Result<(), AsmError> {
        let at = self.lexer.position();
        let Token::Number(width) = self.peek()? else { return Err(self.unexpected("a number of bytes, 0 to 8")) };
        self.next()?;
        if self.located.listing.entry_width.is_some() {
            return Err(self.error(at, AsmErrorReason::SecondWidth));
        }
        // What no byte holds is refused with everything above 8 when the program is put together.
        self.located.listing.entry_width = Some(u8::try_from(width).unwrap_or(u8::MAX));
        self.located.width_place = place;
        self.end()
    }

    fn bytes(&mut self) -> Result<Vec<u8>, AsmError> {
        let mut bytes = Vec::new();
        loop {
            let at = self.lexer.position();
            let word = self.lexer.rest().split_whitespace().next().unwrap_or("");
            if word.is_empty() {
                break;
            }
            let is_byte = word.len() == 2 && word.bytes().all(|digit| digit.is_ascii_hexdigit());
            match u8::from_str_radix(word, 16) {
                Ok(byte) if is_byte => bytes.push(byte),
                _ => return Err(self.error(at, AsmErrorReason::Byte(word.into()))),
            }
            self.lexer.advance(word.len());
        }
        if bytes.is_empty() { Err(self.unexpected("bytes, as in `.raw 05 ff`")) } else { Ok(bytes) }
    }

    fn end(&mut self) -> Result<(), AsmError> {
        match self.peek()? {
            Token::End => Ok(()),
            _ => Err(self.unexpected("the end of the line")),
        }
    }

    fn refer(&mut self, label: &str, place: Place) {
        self.located.labels.entry(label.into()).or_default().reference.get_or_insert(place);
    }

    fn instruction(&mut self, opcode: Opcode) -> Result<Content, AsmError> {
        let mut instruction = Instruction::new(opcode);
        let mut lengths = Lengths::default();
        let mut target = None;
        let is_wide = opcode.row().form == Form::RegImm64;
        for (index, operand) in operands(opcode).iter().enumerate() {
            if index > 0 {
                self.expect(',', "`,` and the next operand")?;
            }
            match operand {
                Operand::A => instruction.a = self.register()?,
                Operand::B => instruction.b = self.register()?,
                Operand::D => instruction.d = self.register()?,
                Operand::X => {
                    let x = self.immediate(false, is_wide)?;
                    (instruction.x, lengths.x) = self.keep(x, false);
                }
                Operand::Y => {
                    let y = self.immediate(false, false)?;
                    (instruction.y, lengths.y) = self.keep(y, true);
                }
                Operand::AtX | Operand::AtA | Operand::AtB => {
                    self.expect('[', "`[` and an address")?;
                    let x = match operand {
                        Operand::AtX => self.immediate(false, false)?,
                        _ => {
                            let base = self.register()?;
                            let field = if *operand == Operand::AtA { &mut instruction.a } else { &mut instruction.b };
                            *field = base;
                            self.displacement()?
                        }
                    };
                    self.expect(']', "`]`")?;
                    (instruction.x, lengths.x) = self.keep(x, false);
                }
                Operand::Target => {
                    let (label, offset, length) = self.target()?;
                    instruction.target = offset;
                    target = label;
                    match opcode.row().form {
                        Form::RegImmOffset => lengths.y = length,
                        _ => lengths.x = length,
                    }
                }
            }
        }
        self.end()?;
        Ok(Content::Instruction { instruction, lengths, label: target })
    }

    fn register(&mut self) -> Result<Reg, AsmError> {
        match self.peek()? {
            Token::Word(name) if Reg::from_name(name).is_some() => {
                self.next()?;
                Ok(Reg::from_name(name).unwrap_or(Reg::RA))
            }
            _ => Err(self.unexpected("a register (ra, sp, t0 to t2, s0, s1, a0 to a5)")),
        }
    }

    /// What stands between a base register and `]`.
    fn displacement(&mut self) -> Result<Immediate, AsmError> {
        let place = self.place();
        match self.peek()? {
            Token::Mark(']') => Ok(Immediate { value: 0, length: None, entry: None, place }),
            Token::Mark('+') => {
                self.next()?;
                self.immediate(false, false)
            }
            Token::Mark('-') => {
                self.next()?;
                self.immediate(true, false)
            }
            _ => Err(self.unexpected("`+`, `-` or `]`")),
        }
    }

    /// A number with an optional length behind it; `negate` when a minus sign stands before it already.
    fn immediate(&mut self, negate: bool, is_wide: bool) -> Result<Immediate, AsmError> {
        let at = self.lexer.position();
        let place = self.place();
        let negative = self.skip('-')? != negate;
        let (value, entry) = match self.peek()? {
            Token::Number(value) => (if negative { value.wrapping_neg() } else { value }, None),
            Token::Entry(label) if !negative => (0, Some(String::from(label))),
            _ => return Err(self.unexpected("a number")),
        };
        let too_low = negative && (value as i64) > 0;
        self.next()?;
        let length = self.length()?;
        match is_wide {
            true if length.is_some() => return Err(self.error(at, EncodeError::Length(8))),
            true if !too_low => {}
            _ if too_low => return Err(self.error(at, EncodeError::Immediate { value, bytes: length.unwrap_or(4) })),
            _ => {
                length_of(value, length).map_err(|error| self.error(at, error))?;
            }
        }
        Ok(Immediate { value, length, entry, place })
    }

    fn length(&mut self) -> Result<Option<u8>, AsmError> {
        if !self.skip(':')? {
            return Ok(None);
        }
        let at = self.lexer.position();
        match self.peek()? {
            Token::Number(length @ 0..=4) => {
                self.next()?;
                Ok(Some(length as u8))
            }
            Token::Number(length) => Err(self.error(at, EncodeError::Length(u8::try_from(length).unwrap_or(u8::MAX)))),
            _ => Err(self.unexpected("a length in bytes, 0 to 4")),
        }
    }

    /// Notes an immediate that is the address of a jump table entry, and takes the rest apart.
    fn keep(&mut self, immediate: Immediate, is_y: bool) -> (u64, Option<u8>) {
        if let Some(label) = immediate.entry {
            let statement = self.located.listing.statements.len();
            self.addresses.push(EntryAddress { statement, is_y, label, place: immediate.place });
        }
        (immediate.value, immediate.length)
    }

    /// Label or offset, and the length asked for.
    fn target(&mut self) -> Result<(Option<String>, u32, Option<u8>), AsmError> {
        let at = self.lexer.position();
        let place = self.place();
        let (label, offset) = match self.peek()? {
            Token::Label(label) => {
                self.refer(label, place);
                (Some(label.to_string()), 0)
            }
            Token::Number(offset) => match u32::try_from(offset) {
                Ok(offset) => (None, offset),
                Err(_) => return Err(self.error(at, AsmErrorReason::TargetTooLarge(offset))),
            },
            _ => return Err(self.unexpected("a label or a code offset")),
        };
        self.next()?;
        Ok((label, offset, self.length()?))
    }

    fn finish(mut self) -> Result<Located, AsmError> {
        let listing = &mut self.located.listing;
        listing.end_labels = self.pending;
        for address in self.addresses {
            let (line, column) = address.place;
            let error = |reason| AsmError { line, column, reason };
            let is_label = |entry: &Target| matches!(entry, Target::Label(label) if *label == address.label);
            let Some(index) = listing.jump_table.iter().position(is_label) else {
                return Err(error(AsmErrorReason::NotInJumpTable(address.label)));
            };
            let value = 2 * (index as u64 + 1);
            if let Content::Instruction { instruction, lengths, .. } =
                &mut listing.statements[address.statement].content
            {
                let (field, length) =
                    if address.is_y { (&mut instruction.y, lengths.y) } else { (&mut instruction.x, lengths.x) };
                *field = value;
                if instruction.opcode.row().form != Form::RegImm64 {
                    length_of(value, length).map_err(|reason| error(reason.into()))?;
                }
            }
        }
        Ok(self.located)
    }
}
