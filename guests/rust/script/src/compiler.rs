//! From words to bytecode, in one pass.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::builtin::BUILTINS;
use super::code::{Binary, Code, Function, Program, Unary};
use super::lexer::{Lexer, Word};

/// How deep expressions and blocks may lie in each other: what bounds the stack of the compiler.
const DEPTH: u32 = 100;
/// How many variables a function may have, how many the program, and how many functions there may be.
const LOCALS: usize = 250;
const GLOBALS: usize = 1000;
const FUNCTIONS: usize = 1000;
/// How many arguments a call may have.
const ARGUMENTS: usize = 16;
/// How many values a list may be written with.
const ELEMENTS: usize = 10_000;

type Done<T = ()> = Result<T, String>;

/// Compiles a script.
///
/// # Errors
/// The line and what is wrong there.
pub fn compile(source: &str) -> Result<Program, String> {
    let mut compiler = Compiler::new(source);
    match compiler.script() {
        Ok(()) => Ok(compiler.finish()),
        Err(why) => Err(format!("line {}: {why}", compiler.line)),
    }
}

/// What an expression was, if `=` may follow.
#[derive(Clone, Copy)]
enum Place {
    Nothing,
    /// The last instruction reads a variable, or an element.
    Last,
}

/// A loop that is being compiled.
struct Loop {
    /// Where `continue` goes to.
    start: u32,
    /// The jumps of `break`.
    breaks: Vec<usize>,
}

/// A function that is mentioned.
struct Mentioned<'a> {
    name: &'a str,
    known: Option<Function>,
}

struct Compiler<'a> {
    lexer: Lexer<'a>,
    word: Word<'a>,
    /// The line of `word`.
    line: u32,
    /// How many parentheses and brackets are open: ends of lines in them mean nothing.
    open: u32,
    depth: u32,

    code: Vec<Code>,
    lines: Vec<u32>,
    numbers: Vec<i64>,
    texts: Vec<Box<str>>,
    globals: Vec<&'a str>,
    functions: Vec<Mentioned<'a>>,
    by_name: BTreeMap<&'a str, u16>,
    /// Calls, to be checked in the end: line, function, number of arguments.
    calls: Vec<(u32, u16, usize)>,

    /// The function that is being compiled: names of its variables, the most there ever were, and its loops.
    locals: Vec<&'a str>,
    most_locals: usize,
    loops: Vec<Loop>,
    /// How many blocks are open.
    blocks: u32,
    in_function: bool,
}

/// An operator between two expressions.
#[derive(Clone, Copy)]
enum Between {
    And,
    Or,
    Plain(Binary),
}

/// Operators with how strongly they bind.
const OPERATORS: [(&str, u8, Between); 18] = [
    ("or", 1, Between::Or),
    ("and", 2, Between::And),
    ("==", 3, Between::Plain(Binary::Equal)),
    ("!=", 3, Between::Plain(Binary::NotEqual)),
    ("<", 4, Between::Plain(Binary::Less)),
    ("<=", 4, Between::Plain(Binary::LessOrEqual)),
    (">", 4, Between::Plain(Binary::Greater)),
    (">=", 4, Between::Plain(Binary::GreaterOrEqual)),
    ("|", 5, Between::Plain(Binary::Or)),
    ("^", 6, Between::Plain(Binary::Xor)),
    ("&", 7, Between::Plain(Binary::And)),
    ("<<", 8, Between::Plain(Binary::ShiftLeft)),
    (">>", 8, Between::Plain(Binary::ShiftRight)),
    ("+", 9, Between::Plain(Binary::Add)),
    ("-", 9, Between::Plain(Binary::Subtract)),
    ("*", 10, Between::Plain(Binary::Multiply)),
    ("/", 10, Between::Plain(Binary::Divide)),
    ("%", 10, Between::Plain(Binary::Remainder)),
];

/// What binds more strongly than `not`.
const COMPARISONS: u8 = 3;

impl<'a> Compiler<'a> {
    fn new(source: &'a str) -> Compiler<'a> {
        let main = Mentioned { name: "the script", known: None };
        Compiler {
            lexer: Lexer::new(source),
            word: Word::Break,
            line: 1,
            open: 0,
            depth: 0,
            code: Vec::new(),
            lines: Vec::new(),
            numbers: Vec::new(),
            texts: Vec::new(),
            globals: Vec::from(["args"]),
            functions: Vec::from([main]),
            by_name: BTreeMap::new(),
            calls: Vec::new(),
            locals: Vec::new(),
            most_locals: 0,
            loops: Vec::new(),
            blocks: 0,
            in_function: false,
        }
    }

    fn script(&mut self) -> Done {
        self.advance()?;
        while self.word != Word::End {
            self.statement()?;
        }
        self.emit(Code::Nil);
        self.emit(Code::Return);
        let main =
            Function { name: self.functions[0].name.into(), parameters: 0, locals: self.most_locals as u16, entry: 0 };
        self.functions[0].known = Some(main);
        self.check_calls()
    }

    /// Every function that is called is there, and takes as many arguments.
    fn check_calls(&mut self) -> Done {
        for &(line, number, count) in &self.calls {
            let mentioned = &self.functions[usize::from(number)];
            let wrong = match &mentioned.known {
                None => format!("no function is called '{}'", mentioned.name),
                Some(function) if usize::from(function.parameters) != count => {
                    format!("'{}' takes {} arguments, not {count}", mentioned.name, function.parameters)
                }
                Some(_) => continue,
            };
            self.line = line;
            return Err(wrong);
        }
        Ok(())
    }

    fn finish(self) -> Program {
        Program {
            code: self.code,
            lines: self.lines,
            numbers: self.numbers,
            texts: self.texts,
            functions: self.functions.into_iter().filter_map(|mentioned| mentioned.known).collect(),
            globals: self.globals.len() as u16,
        }
    }

    // ---- Words ----------------------------------------------------------------------------------------------------------

    fn advance(&mut self) -> Done {
        loop {
            // An error in the next word is in its line.
            let word = self.lexer.next();
            let after_break = word == Ok(Word::Break);
            self.line = self.lexer.line - u32::from(after_break);
            self.word = word?;
            if !(after_break && self.open > 0) {
                return Ok(());
            }
        }
    }

    fn is(&self, mark: &str) -> bool {
        matches!(self.word, Word::Mark(found) if found == mark)
    }

    /// Takes a word, if it is this one.
    fn take(&mut self, mark: &str) -> Done<bool> {
        let found = self.is(mark);
        if found {
            self.advance()?;
        }
        Ok(found)
    }

    fn expect(&mut self, mark: &str) -> Done {
        if self.take(mark)? { Ok(()) } else { Err(format!("'{mark}' is expected, not {}", self.word.show())) }
    }

    fn name(&mut self) -> Done<&'a str> {
        let Word::Name(name) = self.word else { return Err(format!("a name is expected, not {}", self.word.show())) };
        self.advance()?;
        Ok(name)
    }

    fn skip_breaks(&mut self) -> Done {
        while self.word == Word::Break {
            self.advance()?;
        }
        Ok(())
    }

    // ---- Code -----------------------------------------------------------------------------------------------------------

    fn emit(&mut self, code: Code) -> usize {
        self.emit_for(self.line, code)
    }

    fn emit_for(&mut self, line: u32, code: Code) -> usize {
        self.code.push(code);
        self.lines.push(line);
        self.code.len() - 1
    }

    fn here(&self) -> u32 {
        self.code.len() as u32
    }

    /// Makes the jump at `place` go to where the next instruction will be.
    fn land(&mut self, place: usize) {
        let here = self.here();
        match &mut self.code[place] {
            Code::Jump(to) | Code::JumpUnless(to) | Code::And(to) | Code::Or(to) | Code::ForNext(_, to) => *to = here,
            _ => {}
        }
    }

    // ---- Variables ------------------------------------------------------------------------------------------------------

    fn declare_local(&mut self, name: &'a str) -> Done<u16> {
        if self.locals.len() == LOCALS {
            return Err(format!("a function has at most {LOCALS} variables"));
        }
        self.locals.push(name);
        self.most_locals = self.most_locals.max(self.locals.len());
        Ok(self.locals.len() as u16 - 1)
    }

    /// Declares a variable, and takes its value.
    fn declare(&mut self, name: &'a str) -> Done {
        let code = if self.in_function || self.blocks > 0 {
            Code::SetLocal(self.declare_local(name)?)
        } else {
            let number = self.globals.iter().position(|&global| global == name).unwrap_or(self.globals.len());
            if number == GLOBALS {
                return Err(format!("a script has at most {GLOBALS} variables"));
            }
            if number == self.globals.len() {
                self.globals.push(name);
            }
            Code::SetGlobal(number as u16)
        };
        self.emit(code);
        Ok(())
    }

    fn variable(&self, name: &str) -> Done<Code> {
        if let Some(local) = self.locals.iter().rposition(|&local| local == name) {
            return Ok(Code::Local(local as u16));
        }
        match self.globals.iter().position(|&global| global == name) {
            Some(global) => Ok(Code::Global(global as u16)),
            None => Err(format!("no variable is called '{name}'")),
        }
    }

    // ---- Statements -----------------------------------------------------------------------------------------------------

    /// Runs `f` one level deeper.
    fn deeper<T>(&mut self, f: impl FnOnce(&mut Self) -> Done<T>) -> Done<T> {
        if self.depth == DEPTH {
            return Err(format!("expressions and blocks lie deeper than {DEPTH} in each other"));
        }
        self.depth += 1;
        let done = f(self)?;
        self.depth -= 1;
        Ok(done)
    }

    fn statement(&mut self) -> Done {
        if self.word == Word::Break || self.is(";") {
            return self.advance();
        }
        self.deeper(Self::statement_here)?;
        if self.word == Word::Break || self.is(";") {
            self.advance()
        } else if self.is("}") || self.word == Word::End {
            Ok(())
        } else {
            Err(format!("the end of the statement is expected, not {}", self.word.show()))
        }
    }

    fn statement_here(&mut self) -> Done {
        let Word::Mark(mark) = self.word else { return self.assignment() };
        match mark {
            "let" => {
                self.advance()?;
                let name = self.name()?;
                self.expect("=")?;
                self.expression()?;
                self.declare(name)
            }
            "fn" => self.function(),
            "if" => self.condition(),
            "while" => self.while_loop(),
            "for" => self.for_loop(),
            "return" => {
                let line = self.line;
                self.advance()?;
                if self.word == Word::Break || self.word == Word::End || self.is("}") || self.is(";") {
                    self.emit_for(line, Code::Nil);
                } else {
                    self.expression()?;
                }
                self.emit_for(line, Code::Return);
                Ok(())
            }
            "break" | "continue" => {
                let Some(start) = self.loops.last().map(|inner| inner.start) else {
                    return Err(format!("'{mark}' stands in no loop"));
                };
                if mark == "break" {
                    let jump = self.emit(Code::Jump(0));
                    self.loops.iter_mut().last().into_iter().for_each(|inner| inner.breaks.push(jump));
                } else {
                    self.emit(Code::Jump(start));
                }
                self.advance()
            }
            _ => self.assignment(),
        }
    }

    /// `name = …`, `list[i] = …`, or an expression whose value is of no interest.
    fn assignment(&mut self) -> Done {
        let line = self.line;
        let place = self.expression()?;
        if !self.is("=") {
            self.emit_for(line, Code::Drop);
            return Ok(());
        }
        let (Place::Last, Some(last)) = (place, self.code.last().copied()) else {
            return Err("only a variable or an element can be changed by '='".into());
        };
        let set = match last {
            Code::Local(local) => Code::SetLocal(local),
            Code::Global(global) => Code::SetGlobal(global),
            _ => Code::SetElement,
        };
        self.code.pop();
        self.lines.pop();
        self.advance()?;
        self.expression()?;
        self.emit_for(line, set);
        Ok(())
    }

    /// `{ … }`. Its variables end with it.
    fn block(&mut self) -> Done {
        let locals = self.locals.len();
        self.expect("{")?;
        self.blocks += 1;
        while !self.is("}") {
            if self.word == Word::End {
                return Err("'}' is missing".into());
            }
            self.statement()?;
        }
        self.blocks -= 1;
        self.locals.truncate(locals);
        self.advance()
    }

    fn condition(&mut self) -> Done {
        let mut ends = Vec::new();
        loop {
            self.advance()?;
            self.expression()?;
            let skip = self.emit(Code::JumpUnless(0));
            self.block()?;
            if !self.take("else")? {
                self.land(skip);
                break;
            }
            ends.push(self.emit(Code::Jump(0)));
            self.land(skip);
            if !self.is("if") {
                self.block()?;
                break;
            }
        }
        ends.into_iter().for_each(|end| self.land(end));
        Ok(())
    }

    fn while_loop(&mut self) -> Done {
        let (line, start) = (self.line, self.here());
        self.advance()?;
        self.expression()?;
        let out = self.emit(Code::JumpUnless(0));
        self.loop_body(line, start, out)
    }

    fn for_loop(&mut self) -> Done {
        let line = self.line;
        self.advance()?;
        let name = self.name()?;
        self.expect("in")?;
        let locals = self.locals.len();
        // The variable is one that the body may change; the loop counts in another one, which has no name.
        self.expression()?;
        let variable = self.declare_local("")?;
        self.declare_local("")?;
        let counter = self.declare_local("")?;
        self.emit(Code::SetLocal(counter));
        self.expect("..")?;
        self.expression()?;
        self.emit(Code::SetLocal(variable + 1));
        self.locals[usize::from(variable)] = name;
        let start = self.here();
        let out = self.emit_for(line, Code::ForNext(variable, 0));
        self.loop_body(line, start, out)?;
        self.locals.truncate(locals);
        Ok(())
    }

    /// What is done again and again, from `start` on, until the jump at `out` is taken.
    fn loop_body(&mut self, line: u32, start: u32, out: usize) -> Done {
        self.loops.push(Loop { start, breaks: Vec::new() });
        self.block()?;
        self.emit_for(line, Code::Jump(start));
        self.land(out);
        let breaks = self.loops.pop().map(|done| done.breaks).unwrap_or_default();
        breaks.into_iter().for_each(|jump| self.land(jump));
        Ok(())
    }

    fn function(&mut self) -> Done {
        if self.in_function || self.blocks > 0 {
            return Err("a function stands outside of all others and of all blocks".into());
        }
        self.advance()?;
        let name = self.name()?;
        let number = self.function_number(name)?;
        if BUILTINS.iter().any(|builtin| builtin.name == name) || self.functions[usize::from(number)].known.is_some() {
            return Err(format!("there is a function '{name}' already"));
        }
        let skip = self.emit(Code::Jump(0));
        let entry = self.here();
        let outer_most = core::mem::take(&mut self.most_locals);
        self.in_function = true;
        self.expect("(")?;
        while !self.is(")") {
            let parameter = self.name()?;
            self.declare_local(parameter)?;
            if !self.is(")") {
                self.expect(",")?;
            }
        }
        self.advance()?;
        let parameters = self.locals.len();
        if parameters > ARGUMENTS {
            return Err(format!("a function takes at most {ARGUMENTS} arguments"));
        }
        // A function may call itself.
        let function = Function { name: name.into(), parameters: parameters as u16, locals: 0, entry };
        self.functions[usize::from(number)].known = Some(function);
        self.block()?;
        self.emit(Code::Nil);
        self.emit(Code::Return);
        self.land(skip);
        self.locals.clear();
        self.in_function = false;
        let most = core::mem::replace(&mut self.most_locals, outer_most);
        self.functions[usize::from(number)].known.iter_mut().for_each(|function| function.locals = most as u16);
        Ok(())
    }

    fn function_number(&mut self, name: &'a str) -> Done<u16> {
        if let Some(&number) = self.by_name.get(name) {
            return Ok(number);
        }
        if self.functions.len() == FUNCTIONS {
            return Err(format!("a script has at most {FUNCTIONS} functions"));
        }
        let number = self.functions.len() as u16;
        self.functions.push(Mentioned { name, known: None });
        self.by_name.insert(name, number);
        Ok(number)
    }

    // ---- Expressions ----------------------------------------------------------------------------------------------------

    fn expression(&mut self) -> Done<Place> {
        self.operands(1)
    }

    /// An expression of operators that bind as strongly as `least`, or more.
    fn operands(&mut self, least: u8) -> Done<Place> {
        self.deeper(|compiler| compiler.operands_here(least))
    }

    fn operands_here(&mut self, least: u8) -> Done<Place> {
        let mut place = self.operand()?;
        while let Word::Mark(mark) = self.word {
            let Some(&(_, strength, operator)) = OPERATORS.iter().find(|operator| operator.0 == mark) else { break };
            if strength < least {
                break;
            }
            let line = self.line;
            self.advance()?;
            self.skip_breaks()?;
            place = Place::Nothing;
            match operator {
                Between::Plain(operator) => {
                    self.operands(strength + 1)?;
                    self.emit_for(line, Code::Binary(operator));
                }
                Between::And | Between::Or => {
                    let jump = if matches!(operator, Between::And) { Code::And(0) } else { Code::Or(0) };
                    let jump = self.emit_for(line, jump);
                    self.operands(strength + 1)?;
                    self.land(jump);
                }
            }
        }
        Ok(place)
    }

    fn operand(&mut self) -> Done<Place> {
        let line = self.line;
        let operator = match self.word {
            Word::Mark("-") => Unary::Negate,
            Word::Mark("not") => Unary::Not,
            Word::Mark("~") => Unary::Invert,
            _ => {
                let mut place = self.primary()?;
                while self.is("[") {
                    let line = self.line;
                    self.open += 1;
                    self.advance()?;
                    self.expression()?;
                    self.close("]")?;
                    self.emit_for(line, Code::Element);
                    place = Place::Last;
                }
                return Ok(place);
            }
        };
        self.advance()?;
        if operator == Unary::Not {
            self.operands(COMPARISONS)?;
        } else {
            self.deeper(Self::operand)?;
        }
        self.emit_for(line, Code::Unary(operator));
        Ok(Place::Nothing)
    }

    /// The end of what `open` counts.
    fn close(&mut self, mark: &str) -> Done {
        if self.is(mark) {
            self.open -= 1;
        }
        self.expect(mark)
    }

    fn primary(&mut self) -> Done<Place> {
        let code = match core::mem::replace(&mut self.word, Word::Break) {
            Word::Number(number) => {
                self.numbers.push(number);
                Code::Number(self.numbers.len() as u32 - 1)
            }
            Word::Text(text) => {
                self.texts.push(text.into());
                Code::Text(self.texts.len() as u32 - 1)
            }
            Word::Mark("true") => Code::Truth(true),
            Word::Mark("false") => Code::Truth(false),
            Word::Mark("nil") => Code::Nil,
            Word::Mark("(") => {
                self.open += 1;
                self.advance()?;
                self.expression()?;
                self.close(")")?;
                return Ok(Place::Nothing);
            }
            Word::Mark("[") => {
                let line = self.line;
                let count = self.list("]")?;
                self.emit_for(line, Code::List(count as u32));
                return Ok(Place::Nothing);
            }
            Word::Name(name) => {
                let line = self.line;
                self.advance()?;
                if self.is("(") {
                    self.call(name, line)?;
                    return Ok(Place::Nothing);
                }
                let found = self.variable(name);
                if found.is_err() {
                    self.line = line;
                }
                let code = found?;
                self.emit_for(line, code);
                return Ok(Place::Last);
            }
            other => return Err(format!("a value is expected, not {}", other.show())),
        };
        self.emit(code);
        self.advance()?;
        Ok(Place::Nothing)
    }

    /// Expressions with commas between, behind the bracket that is the current word. Returns how many.
    fn list(&mut self, end: &str) -> Done<usize> {
        self.open += 1;
        self.advance()?;
        let mut count = 0;
        while !self.is(end) {
            self.expression()?;
            count += 1;
            if count > ELEMENTS {
                return Err(format!("more than {ELEMENTS} values stand in one list"));
            }
            if !self.is(end) {
                self.expect(",")?;
            }
        }
        self.close(end)?;
        Ok(count)
    }

    fn call(&mut self, name: &'a str, line: u32) -> Done {
        let count = self.list(")")?;
        if count > ARGUMENTS {
            self.line = line;
            return Err(format!("a call has at most {ARGUMENTS} arguments"));
        }
        if let Some(number) = BUILTINS.iter().position(|builtin| builtin.name == name) {
            let (least, most) = BUILTINS[number].arguments;
            if count < least.into() || count > most.into() {
                self.line = line;
                let takes = if least == most { format!("{least}") } else { format!("{least} to {most}") };
                return Err(format!("'{name}' takes {takes} arguments, not {count}"));
            }
            self.emit_for(line, Code::Builtin(number as u8, count as u8));
            return Ok(());
        }
        let number = self.function_number(name)?;
        self.calls.push((line, number, count));
        self.emit_for(line, Code::Call(number));
        Ok(())
    }
}
