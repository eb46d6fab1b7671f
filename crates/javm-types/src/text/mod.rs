//! The language as people write it. The normative text, with the grammar, is `docs/spec/types.md`.
//!
//! `lexer` makes words and marks of the text, `parser` reads declarations from them, `resolve` replaces the names of
//! structs by what they are. Printing is `Display` of [`TypeDef`](crate::TypeDef), [`Method`](crate::Method) and
//! [`Type`](crate::Type).

mod lexer;
mod parser;
mod resolve;

use alloc::string::String;

use thiserror::Error;

use crate::definition::TypeError;
use crate::limits::MAX_TEXT_BYTES;
use crate::name::{Identifier, NameError};

/// Why text is not of the language.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[error("line {line}, column {column}: {reason}")]
pub struct ParseError {
    /// The line, from 1 on.
    pub line: usize,
    /// The character of the line, from 1 on.
    pub column: usize,
    /// What is wrong there.
    pub reason: ParseErrorReason,
}

/// What can be wrong with text.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum ParseErrorReason {
    /// It is longer than any interface.
    #[error("the text has {0} bytes; {MAX_TEXT_BYTES} are the limit")]
    TooLong(usize),
    /// A character has no meaning.
    #[error("{0:?} means nothing here")]
    Character(char),
    /// Something else has to stand here.
    #[error("expected {expected}, found {found}")]
    Unexpected {
        /// What has to.
        expected: &'static str,
        /// What does.
        found: String,
    },
    /// The name has no valid form.
    #[error(transparent)]
    Name(NameError),
    /// Nothing is called so.
    #[error("there is no type {0}; a struct has to be declared in this text")]
    UnknownType(String),
    /// Two structs have one name.
    #[error("there is a struct {0} already")]
    StructTwice(Identifier),
    /// A struct is part of itself.
    #[error("the struct {0} contains itself")]
    Recursive(Identifier),
    /// Nothing mentions a struct.
    #[error("no method mentions the struct {0}; an interface holds only what its methods need")]
    Unused(Identifier),
    /// There is a second interface.
    #[error("there is an interface already; each stands in a text of its own")]
    SecondInterface,
    /// It breaks a rule of the language.
    #[error(transparent)]
    Rule(TypeError),
}

impl ParseError {
    fn new(text: &str, offset: usize, reason: ParseErrorReason) -> ParseError {
        let before = text.get(..offset).unwrap_or(text);
        let line = before.rsplit('\n').next().unwrap_or_default();
        ParseError { line: before.matches('\n').count() + 1, column: line.chars().count() + 1, reason }
    }
}
