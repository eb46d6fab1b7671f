//! A line of assembly text as tokens.

use super::read::AsmErrorReason;
use super::syntax::is_plain_letter;

/// A token, borrowed from its line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Token<'a> {
    /// A mnemonic, a register or a directive (which begins with a dot).
    Word(&'a str),
    /// `@name` or `@"name"`.
    Label(&'a str),
    /// `&name` or `&"name"`: the address of a jump table entry.
    Entry(&'a str),
    /// A number without sign.
    Number(u64),
    /// One of `, [ ] + - :`.
    Mark(char),
    /// The end of the line, or the beginning of a comment.
    End,
}

/// What is left of a line.
#[derive(Clone, Copy)]
pub(super) struct Lexer<'a> {
    line: &'a str,
    /// The byte that comes next.
    at: usize,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(line: &'a str) -> Lexer<'a> {
        Lexer { line, at: 0 }
    }

    /// What is left, without a comment.
    pub(super) fn rest(&self) -> &'a str {
        let rest = &self.line[self.at..];
        rest.split(';').next().unwrap_or(rest)
    }

    /// Skips `length` bytes of what is left.
    pub(super) fn advance(&mut self, length: usize) {
        self.at += length;
    }

    /// The column of a byte of the line, the first one being 1.
    pub(super) fn column(&self, at: usize) -> u32 {
        self.line.get(..at).map_or(1, |before| before.chars().count() as u32 + 1)
    }

    /// The byte that comes next, spaces aside.
    pub(super) fn position(&mut self) -> usize {
        let rest = &self.line[self.at..];
        self.at += rest.len() - rest.trim_start().len();
        self.at
    }

    /// The next token.
    pub(super) fn next(&mut self) -> Result<Token<'a>, AsmErrorReason> {
        self.position();
        let rest = &self.line[self.at..];
        let Some(first) = rest.chars().next() else { return Ok(Token::End) };
        match first {
            ';' => Ok(Token::End),
            ',' | '[' | ']' | '+' | '-' | ':' => {
                self.at += 1;
                Ok(Token::Mark(first))
            }
            '@' => self.name().map(Token::Label),
            '&' => self.name().map(Token::Entry),
            '0'..='9' => self.number(),
            'a'..='z' | 'A'..='Z' | '_' | '.' => {
                Ok(Token::Word(self.take_while(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '.'))))
            }
            _ => Err(AsmErrorReason::UnexpectedCharacter(first)),
        }
    }

    fn take_while(&mut self, belongs: impl Fn(char) -> bool) -> &'a str {
        let rest = &self.line[self.at..];
        let end = rest.find(|letter| !belongs(letter)).unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    /// The name behind an `@` or `&`.
    fn name(&mut self) -> Result<&'a str, AsmErrorReason> {
        self.at += 1;
        let name = match self.line[self.at..].strip_prefix('"') {
            Some(quoted) => {
                let (name, _) = quoted.split_once('"').ok_or(AsmErrorReason::OpenQuote)?;
                self.at += name.len() + 2;
                name
            }
            None => self.take_while(is_plain_letter),
        };
        if name.is_empty() { Err(AsmErrorReason::EmptyLabel) } else { Ok(name) }
    }

    fn number(&mut self) -> Result<Token<'a>, AsmErrorReason> {
        let text = self.take_while(|letter| letter.is_ascii_alphanumeric() || letter == '_');
        let parsed = match text.strip_prefix("0x") {
            Some(digits) => parse(digits, 16),
            None => parse(text, 10),
        };
        parsed.map(Token::Number).ok_or_else(|| AsmErrorReason::Number(text.into()))
    }
}

/// A number in `radix`; underscores may stand between digits.
fn parse(digits: &str, radix: u32) -> Option<u64> {
    if digits.starts_with('_') || digits.ends_with('_') || digits.is_empty() {
        return None;
    }
    digits.chars().filter(|&letter| letter != '_').try_fold(0_u64, |value, letter| {
        value.checked_mul(u64::from(radix))?.checked_add(u64::from(letter.to_digit(radix)?))
    })
}
