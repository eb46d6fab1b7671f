//! Words and marks.

use alloc::format;
use alloc::string::String;

use super::{ParseError, ParseErrorReason};

/// A piece of the text.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Token<'a> {
    Word(&'a str),
    Mark(&'static str),
    End,
}

const MARKS: &[&str] = &["->", "{", "}", "(", ")", "<", ">", ":", ",", ";"];

impl Token<'_> {
    /// For messages.
    pub(super) fn describe(self) -> String {
        match self {
            // Nobody reads a word of a thousand letters in a message.
            Token::Word(word) if word.len() > 64 => format!("`{}…`", &word[..64]),
            Token::Word(text) | Token::Mark(text) => format!("`{text}`"),
            Token::End => "the end of the text".into(),
        }
    }
}

pub(super) struct Lexer<'a> {
    text: &'a str,
    offset: usize,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a str) -> Lexer<'a> {
        Lexer { text, offset: 0 }
    }

    /// The next piece and where it starts, in bytes.
    pub(super) fn next(&mut self) -> Result<(Token<'a>, usize), ParseError> {
        self.skip_blank();
        let start = self.offset;
        let rest = &self.text[start..];
        if let Some(mark) = MARKS.iter().find(|&&mark| rest.starts_with(mark)) {
            self.offset += mark.len();
            return Ok((Token::Mark(mark), start));
        }
        let length = word_length(rest.as_bytes());
        if length > 0 {
            self.offset += length;
            return Ok((Token::Word(&rest[..length]), start));
        }
        match rest.chars().next() {
            None => Ok((Token::End, start)),
            Some(character) => Err(ParseError::new(self.text, start, ParseErrorReason::Character(character))),
        }
    }

    /// Skips white space, and comments: from `//` to the end of the line.
    fn skip_blank(&mut self) {
        loop {
            let rest = &self.text[self.offset..];
            let blank = rest.len() - rest.trim_start_matches([' ', '\t', '\r', '\n']).len();
            let comment = if rest[blank..].starts_with("//") {
                rest[blank..].find('\n').unwrap_or(rest.len() - blank)
            } else {
                0
            };
            if blank + comment == 0 {
                return;
            }
            self.offset += blank + comment;
        }
    }
}

/// The bytes of the word at the start. An arrow ends one, though names of methods may hold `-`.
fn word_length(text: &[u8]) -> usize {
    let of_word = |(at, &byte): (usize, &u8)| match byte {
        b'-' => text.get(at + 1) != Some(&b'>'),
        _ => byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.'),
    };
    text.iter().enumerate().position(|byte| !of_word(byte)).unwrap_or(text.len())
}
