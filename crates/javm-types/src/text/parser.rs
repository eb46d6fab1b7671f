//! Declarations.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::str::FromStr;

use super::lexer::{Lexer, Token};
use super::resolve::Declarations;
use super::{ParseError, ParseErrorReason as Reason};
use crate::definition::{Method, Type, TypeDef, TypeError};
use crate::limits::{MAX_ARGUMENTS, MAX_FIELDS, MAX_METHODS, MAX_TEXT_BYTES, MAX_TUPLE_ELEMENTS, MAX_TYPE_DEPTH};
use crate::name::{Identifier, MethodName, NameError};
use crate::primitive::Primitive;

/// A piece of syntax and where it starts, in bytes of the text.
pub(super) struct Spot<T> {
    pub(super) at: usize,
    pub(super) what: T,
}

/// A type as it is written: names of structs are not looked up yet.
pub(super) enum Written {
    Primitive(Primitive),
    List(Box<Spot<Written>>),
    Option(Box<Spot<Written>>),
    Tuple(Vec<Spot<Written>>),
    Named(Identifier),
}

/// `name: type`
pub(super) struct WrittenField {
    pub(super) name: Identifier,
    pub(super) ty: Spot<Written>,
}

pub(super) struct WrittenStruct {
    pub(super) name: Identifier,
    pub(super) fields: Vec<WrittenField>,
}

pub(super) struct WrittenMethod {
    pub(super) name: MethodName,
    pub(super) arguments: Vec<WrittenField>,
    pub(super) returns: Option<Spot<Written>>,
}

pub(super) struct WrittenInterface {
    pub(super) name: Identifier,
    pub(super) methods: Vec<Spot<WrittenMethod>>,
}

struct Parser<'a> {
    text: &'a str,
    lexer: Lexer<'a>,
    token: Token<'a>,
    /// Where the token starts.
    at: usize,
}

type Result<T> = core::result::Result<T, ParseError>;

impl<'a> Parser<'a> {
    fn new(text: &'a str) -> Result<Parser<'a>> {
        if text.len() > MAX_TEXT_BYTES {
            return Err(ParseError::new(text, 0, Reason::TooLong(text.len())));
        }
        let mut lexer = Lexer::new(text);
        let (token, at) = lexer.next()?;
        Ok(Parser { text, lexer, token, at })
    }

    fn advance(&mut self) -> Result<()> {
        (self.token, self.at) = self.lexer.next()?;
        Ok(())
    }

    fn error(&self, at: usize, reason: Reason) -> ParseError {
        ParseError::new(self.text, at, reason)
    }

    fn unexpected<T>(&self, expected: &'static str) -> Result<T> {
        Err(self.error(self.at, Reason::Unexpected { expected, found: self.token.describe() }))
    }

    /// Takes the mark when it stands here.
    fn takes(&mut self, mark: &'static str) -> Result<bool> {
        let here = self.token == Token::Mark(mark);
        if here {
            self.advance()?;
        }
        Ok(here)
    }

    fn expect(&mut self, mark: &'static str, expected: &'static str) -> Result<()> {
        if self.takes(mark)? { Ok(()) } else { self.unexpected(expected) }
    }

    /// Takes a word that is a name.
    fn name<N: FromStr<Err = NameError>>(&mut self, expected: &'static str) -> Result<N> {
        let Token::Word(word) = self.token else { return self.unexpected(expected) };
        let name = word.parse().map_err(|error| self.error(self.at, Reason::Name(error)))?;
        self.advance()?;
        Ok(name)
    }

    /// Reads things with commas between them, and perhaps one behind the last, up to the closing mark. It stops at the
    /// first one over the limit: what is read takes memory.
    fn until<T>(
        &mut self,
        (close, expected): (&'static str, &'static str),
        (limit, too_many): (usize, fn(usize) -> TypeError),
        mut read: impl FnMut(&mut Self) -> Result<T>,
    ) -> Result<Vec<T>> {
        let mut found = Vec::new();
        while !self.takes(close)? {
            if found.len() == limit {
                return Err(self.error(self.at, Reason::Rule(too_many(limit + 1))));
            }
            found.push(read(self)?);
            if !self.takes(",")? {
                self.expect(close, expected)?;
                break;
            }
        }
        Ok(found)
    }

    fn ty(&mut self, depth: usize) -> Result<Spot<Written>> {
        let at = self.at;
        if depth >= MAX_TYPE_DEPTH {
            return Err(self.error(at, Reason::Rule(TypeError::TooDeep)));
        }
        let what = match self.token {
            Token::Mark("(") => {
                self.advance()?;
                let mut comma = false;
                let elements =
                    self.until((")", "`,` or `)`"), (MAX_TUPLE_ELEMENTS, TypeError::TupleLength), |parser| {
                        let element = parser.ty(depth + 1)?;
                        comma |= parser.token == Token::Mark(",");
                        Ok(element)
                    })?;
                if elements.len() == 1 && !comma {
                    // Parentheses that change nothing would be a second way to write a type.
                    let expected = "a comma: a tuple of one is written (T,), and a type alone has no parentheses";
                    let found = "`)`".into();
                    return Err(self.error(at, Reason::Unexpected { expected, found }));
                }
                Written::Tuple(elements)
            }
            Token::Word("list") => Written::List(Box::new(self.inner(depth)?)),
            Token::Word("option") => Written::Option(Box::new(self.inner(depth)?)),
            Token::Word(word) => match Primitive::from_name(word) {
                Some(primitive) => {
                    self.advance()?;
                    Written::Primitive(primitive)
                }
                None => Written::Named(self.name("a type")?),
            },
            _ => return self.unexpected("a type"),
        };
        Ok(Spot { at, what })
    }

    /// Takes the word in front of `<type>`, and that.
    fn inner(&mut self, depth: usize) -> Result<Spot<Written>> {
        self.advance()?;
        self.expect("<", "`<`")?;
        let inner = self.ty(depth + 1)?;
        self.expect(">", "`>`")?;
        Ok(inner)
    }

    fn field(&mut self, expected: &'static str) -> Result<WrittenField> {
        let name = self.name(expected)?;
        self.expect(":", "`:` and a type")?;
        Ok(WrittenField { name, ty: self.ty(0)? })
    }

    fn method(&mut self) -> Result<Spot<WrittenMethod>> {
        let at = self.at;
        let name = self.name("the name of a method, or `}`")?;
        self.expect("(", "`(`")?;
        let limit = (MAX_ARGUMENTS, TypeError::ArgumentCount as fn(usize) -> TypeError);
        let arguments =
            self.until((")", "`,` or `)`"), limit, |parser| parser.field("the name of an argument, or `)`"))?;
        let returns = if self.takes("->")? { Some(self.ty(0)?) } else { None };
        Ok(Spot { at, what: WrittenMethod { name, arguments, returns } })
    }

    fn structure(&mut self) -> Result<Spot<WrittenStruct>> {
        self.advance()?;
        let at = self.at;
        let name = self.name("the name of the struct")?;
        self.expect("{", "`{`")?;
        let limit = (MAX_FIELDS, TypeError::FieldCount as fn(usize) -> TypeError);
        let fields = self.until(("}", "`,` or `}`"), limit, |parser| parser.field("the name of a field, or `}`"))?;
        Ok(Spot { at, what: WrittenStruct { name, fields } })
    }

    fn interface(&mut self) -> Result<Spot<WrittenInterface>> {
        let at = self.at;
        self.advance()?;
        let name = self.name("the name of the interface")?;
        self.expect("{", "`{`")?;
        let mut methods = Vec::new();
        while !self.takes("}")? {
            if methods.len() == MAX_METHODS {
                return Err(self.error(self.at, Reason::Rule(TypeError::MethodCount(MAX_METHODS + 1))));
            }
            methods.push(self.method()?);
            self.expect(";", "`->` and a type, or `;`")?;
        }
        Ok(Spot { at, what: WrittenInterface { name, methods } })
    }

    fn end(&self) -> Result<()> {
        if self.token == Token::End { Ok(()) } else { self.unexpected("the end of the text") }
    }
}

impl FromStr for TypeDef {
    type Err = ParseError;

    /// Reads an interface and the structs that it uses.
    fn from_str(text: &str) -> Result<TypeDef> {
        let mut parser = Parser::new(text)?;
        let mut declarations = Declarations::new(text);
        let mut interface = None;
        loop {
            match parser.token {
                Token::Word("struct") => declarations.add(parser.structure()?)?,
                Token::Word("interface") if interface.is_some() => {
                    return Err(parser.error(parser.at, Reason::SecondInterface));
                }
                Token::Word("interface") => interface = Some(parser.interface()?),
                Token::End => break,
                _ => return parser.unexpected("`struct` or `interface`"),
            }
        }
        match interface {
            Some(interface) => declarations.typedef(interface),
            None => parser.unexpected("`interface`"),
        }
    }
}

impl FromStr for Method {
    type Err = ParseError;

    /// Reads a method as it stands in an interface, without the semicolon. It cannot mention structs, for there is no
    /// place to declare them.
    fn from_str(text: &str) -> Result<Method> {
        let mut parser = Parser::new(text)?;
        let method = parser.method()?;
        parser.end()?;
        Declarations::new(text).method(method)
    }
}

impl FromStr for Type {
    type Err = ParseError;

    /// Reads a type. It cannot mention structs, for there is no place to declare them.
    fn from_str(text: &str) -> Result<Type> {
        let mut parser = Parser::new(text)?;
        let ty = parser.ty(0)?;
        parser.end()?;
        Declarations::new(text).ty(&ty, 0)
    }
}
