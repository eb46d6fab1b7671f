//! The words of a source text.

use alloc::format;
use alloc::string::String;

/// A word.
#[derive(Clone, PartialEq, Debug)]
pub enum Word<'a> {
    Number(i64),
    Text(String),
    Name(&'a str),
    /// A keyword or a mark.
    Mark(&'static str),
    /// The end of a line.
    Break,
    End,
}

/// Words that are no names.
const KEYWORDS: [&str; 16] = [
    "and", "break", "continue", "else", "false", "fn", "for", "if", "in", "let", "nil", "not", "or", "return", "true",
    "while",
];

/// Marks; longer ones before those that they begin with.
const MARKS: [&str; 27] = [
    "==", "!=", "<=", ">=", "<<", ">>", "..", "=", "<", ">", "+", "-", "*", "/", "%", "&", "|", "^", "~", "(", ")",
    "[", "]", "{", "}", ",", ";",
];

/// Reads words one by one.
pub struct Lexer<'a> {
    rest: &'a str,
    /// The line of the next word, from 1 on.
    pub line: u32,
}

impl<'a> Lexer<'a> {
    pub fn new(source: &'a str) -> Lexer<'a> {
        Lexer { rest: source, line: 1 }
    }

    /// The next word.
    pub fn next(&mut self) -> Result<Word<'a>, String> {
        self.skip();
        let Some(first) = self.rest.chars().next() else { return Ok(Word::End) };
        if first == '\n' {
            self.rest = &self.rest[1..];
            self.line += 1;
            return Ok(Word::Break);
        }
        if first == '"' {
            return self.text();
        }
        if first.is_ascii_digit() {
            return self.number();
        }
        if first.is_alphabetic() || first == '_' {
            let word = self.word();
            let keyword = KEYWORDS.iter().find(|&&keyword| keyword == word);
            return Ok(keyword.map_or(Word::Name(word), |keyword| Word::Mark(keyword)));
        }
        match MARKS.iter().find(|&&mark| self.rest.starts_with(mark)) {
            Some(mark) => {
                self.rest = &self.rest[mark.len()..];
                Ok(Word::Mark(mark))
            }
            None => Err(format!("'{}' means nothing here", first.escape_default())),
        }
    }

    /// Spaces, and comments up to the end of their line.
    fn skip(&mut self) {
        loop {
            self.rest = self.rest.trim_start_matches([' ', '\t', '\r']);
            if !self.rest.starts_with("//") {
                return;
            }
            self.rest = &self.rest[self.rest.find('\n').unwrap_or(self.rest.len())..];
        }
    }

    /// Letters, digits and underscores.
    fn word(&mut self) -> &'a str {
        let end = self.rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        word
    }

    fn number(&mut self) -> Result<Word<'a>, String> {
        let word = self.word();
        let digits = word.replace('_', "");
        let number = match digits.strip_prefix("0x") {
            Some(digits) => i64::from_str_radix(digits, 16),
            None => digits.parse(),
        };
        number.map(Word::Number).map_err(|_| format!("{word} is no whole number of 64 bits"))
    }

    fn text(&mut self) -> Result<Word<'a>, String> {
        let mut text = String::new();
        let mut chars = self.rest.char_indices().skip(1);
        while let Some((at, c)) = chars.next() {
            match c {
                '"' => {
                    self.rest = &self.rest[at + 1..];
                    return Ok(Word::Text(text));
                }
                '\n' => break,
                '\\' => match chars.next().map(|(_, c)| c) {
                    Some('n') => text.push('\n'),
                    Some('t') => text.push('\t'),
                    Some(c @ ('"' | '\\')) => text.push(c),
                    Some(c) => return Err(format!("'\\{}' is none of \\n \\t \\\" \\\\", c.escape_default())),
                    None => break,
                },
                c => text.push(c),
            }
        }
        Err("a string without its second '\"'".into())
    }
}

impl Word<'_> {
    /// The word in a message.
    pub fn show(&self) -> String {
        match self {
            Word::Number(number) => format!("{number}"),
            Word::Text(_) => "a string".into(),
            Word::Name(name) => format!("'{name}'"),
            Word::Mark(mark) => format!("'{mark}'"),
            Word::Break => "the end of the line".into(),
            Word::End => "the end of the script".into(),
        }
    }
}
