//! Bytecode: what the compiler makes and the machine runs.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::builtin::BUILTINS;

/// An instruction. It takes its operands from the stack of values and puts its result there.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Code {
    Nil,
    Truth(bool),
    /// A number of the table of numbers, a string of the table of strings.
    Number(u32),
    Text(u32),
    /// Variables: of the function by their place in its frame, of the program by their number.
    Local(u16),
    SetLocal(u16),
    Global(u16),
    SetGlobal(u16),
    Unary(Unary),
    Binary(Binary),
    /// Goes on elsewhere.
    Jump(u32),
    /// Takes a value, and goes on elsewhere if it is not true.
    JumpUnless(u32),
    /// The same for `and`, `or`: the value stays if control goes elsewhere.
    And(u32),
    Or(u32),
    /// Begins a turn of `for`: local and local + 1 are the variable and the end.
    ForNext(u16, u32),
    /// A list of the topmost values.
    List(u32),
    Element,
    SetElement,
    /// A function by its number; a builtin by its number, with so many arguments.
    Call(u16),
    Builtin(u8, u8),
    Return,
    Drop,
}

/// An operator with one operand.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Unary {
    Negate,
    Not,
    Invert,
}

/// An operator with two operands.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Binary {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Or,
    Xor,
    And,
    ShiftLeft,
    ShiftRight,
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

/// A function.
pub struct Function {
    pub name: Box<str>,
    pub parameters: u16,
    /// How many variables it has at most at a time, parameters included.
    pub locals: u16,
    /// Where its code starts.
    pub entry: u32,
}

/// A script that can be run.
pub struct Program {
    pub code: Vec<Code>,
    /// The line of each instruction.
    pub lines: Vec<u32>,
    pub numbers: Vec<i64>,
    pub texts: Vec<Box<str>>,
    /// The first is the script itself.
    pub functions: Vec<Function>,
    /// How many variables the program has. The first is `args`.
    pub globals: u16,
}

impl Program {
    pub fn listing(&self) -> Vec<String> {
        let lines = self.code.iter().zip(&self.lines).enumerate();
        let text = |(at, (&code, line)): (usize, (&Code, &u32))| {
            let what = match code {
                Code::Number(number) => format!("Number {}", self.numbers[number as usize]),
                Code::Text(text) => format!("Text {:?}", self.texts[text as usize]),
                Code::Call(function) => format!("Call {}", self.functions[function as usize].name),
                Code::Builtin(builtin, count) => format!("Call {} ({count})", BUILTINS[builtin as usize].name),
                Code::Unary(operator) => format!("{operator:?}"),
                Code::Binary(operator) => format!("{operator:?}"),
                other => format!("{other:?}"),
            };
            format!("{at} line {line}: {what}")
        };
        lines.map(text).collect()
    }
}
