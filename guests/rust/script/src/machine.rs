//! The machine that runs bytecode.

use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use super::Outcome;
use super::builtin::BUILTINS;
use super::code::{Binary, Code, Program, Unary};
use super::value::{Things, Value};

/// How many calls may be under way, and how many values on the stack: what bounds recursion.
const CALLS: usize = 10_000;
const VALUES: usize = 100_000;

/// How many calls a message names.
const NAMED: usize = 4;

/// A call that is under way.
struct Frame {
    function: u16,
    /// Where its variables start on the stack.
    base: usize,
    /// Where the caller goes on.
    back: usize,
}

struct Machine<'a> {
    program: &'a Program,
    things: Things,
    globals: Vec<Value>,
    stack: Vec<Value>,
    frames: Vec<Frame>,
    /// The next instruction.
    at: usize,
    steps: u64,
}

/// Runs a script.
///
/// # Errors
/// The line and what is wrong there.
pub fn run(program: &Program, arguments: &[i64], steps: u64) -> Result<Outcome, String> {
    let mut machine = Machine {
        program,
        things: Things::new(),
        globals: vec![Value::Nil; program.globals.into()],
        stack: vec![Value::Nil; program.functions[0].locals.into()],
        frames: Vec::from([Frame { function: 0, base: 0, back: 0 }]),
        at: 0,
        steps: 0,
    };
    let done = machine.start(arguments).and_then(|()| machine.run(steps)).and_then(|value| {
        let mut result = String::new();
        machine.things.show(value, &mut result)?;
        Ok(result)
    });
    match done {
        Ok(result) => Ok(Outcome { result, printed: machine.things.printed(), steps: machine.steps }),
        Err(why) => Err(machine.place(&why)),
    }
}

impl Machine<'_> {
    fn start(&mut self, arguments: &[i64]) -> Result<(), String> {
        // The strings of the program come first, and have the numbers that they have there.
        for text in &self.program.texts {
            self.things.make_text(text.as_ref().into())?;
        }
        self.globals[0] = self.things.make_list(arguments.iter().map(|&number| Value::Number(number)).collect())?;
        Ok(())
    }

    /// A message with the line of the last instruction, and who called.
    fn place(&self, why: &str) -> String {
        let line = |at: usize| self.program.lines.get(at.saturating_sub(1)).copied().unwrap_or(0);
        let mut message = format!("line {}: {why}", line(self.at));
        for frame in self.frames.iter().skip(1).rev().take(NAMED) {
            let name = &self.program.functions[usize::from(frame.function)].name;
            message.push_str(&format!(", in '{name}' called in line {}", line(frame.back)));
        }
        if self.frames.len() > NAMED + 1 {
            message.push_str(&format!(" and {} more calls", self.frames.len() - NAMED - 1));
        }
        message
    }

    fn push(&mut self, value: Value) {
        self.stack.push(value);
    }

    /// The topmost value. The compiler takes no more than it has put.
    fn pop(&mut self) -> Value {
        self.stack.pop().unwrap_or(Value::Nil)
    }

    fn run(&mut self, limit: u64) -> Result<Value, String> {
        let program = self.program;
        let mut base = 0;
        loop {
            let code = program.code[self.at];
            self.at += 1;
            if self.steps == limit {
                return Err(format!("the script takes more than {limit} steps"));
            }
            self.steps += 1;
            match code {
                Code::Nil => self.push(Value::Nil),
                Code::Truth(truth) => self.push(Value::Truth(truth)),
                Code::Number(number) => self.push(Value::Number(program.numbers[number as usize])),
                Code::Text(text) => self.push(Value::Text(text)),
                Code::Local(local) => self.push(self.stack[base + usize::from(local)]),
                Code::SetLocal(local) => self.stack[base + usize::from(local)] = self.pop(),
                Code::Global(global) => self.push(self.globals[usize::from(global)]),
                Code::SetGlobal(global) => self.globals[usize::from(global)] = self.pop(),
                Code::Unary(operator) => {
                    let value = self.pop();
                    self.push(unary(operator, value)?);
                }
                Code::Binary(operator) => {
                    let (b, a) = (self.pop(), self.pop());
                    let value = match (a, b) {
                        (Value::Number(a), Value::Number(b)) => numbers(operator, a, b)?,
                        _ => self.others(operator, a, b)?,
                    };
                    self.push(value);
                }
                Code::Jump(to) => self.at = to as usize,
                Code::JumpUnless(to) => {
                    if !self.pop().is_true() {
                        self.at = to as usize;
                    }
                }
                Code::And(to) | Code::Or(to) => {
                    let value = self.pop();
                    if value.is_true() == matches!(code, Code::Or(_)) {
                        self.push(value);
                        self.at = to as usize;
                    }
                }
                Code::ForNext(local, to) => {
                    let variables = &mut self.stack[base + usize::from(local)..][..3];
                    let (Value::Number(end), Value::Number(next)) = (variables[1], variables[2]) else {
                        return Err(format!(
                            "'for' goes over numbers, not {} to {}",
                            variables[2].kind(),
                            variables[1].kind()
                        ));
                    };
                    if next < end {
                        (variables[0], variables[2]) = (variables[2], Value::Number(next + 1));
                    } else {
                        self.at = to as usize;
                    }
                }
                Code::List(count) => {
                    let values = self.stack.split_off(self.stack.len() - count as usize);
                    let list = self.things.make_list(values)?;
                    self.push(list);
                }
                Code::Element => {
                    let (index, list) = (self.pop(), self.pop());
                    let value = *self.element(list, index)?;
                    self.push(value);
                }
                Code::SetElement => {
                    let (value, index, list) = (self.pop(), self.pop(), self.pop());
                    *self.element(list, index)? = value;
                }
                Code::Call(number) => {
                    let function = &program.functions[usize::from(number)];
                    base = self.stack.len() - usize::from(function.parameters);
                    let end = base + usize::from(function.locals);
                    if self.frames.len() == CALLS || end > VALUES {
                        return Err(format!("more than {CALLS} calls, or {VALUES} values, are under way"));
                    }
                    self.stack.resize(end, Value::Nil);
                    self.frames.push(Frame { function: number, base, back: self.at });
                    self.at = function.entry as usize;
                }
                Code::Builtin(number, count) => {
                    let start = self.stack.len() - usize::from(count);
                    let value = (BUILTINS[usize::from(number)].run)(&mut self.things, &self.stack[start..])?;
                    self.stack.truncate(start);
                    self.push(value);
                }
                Code::Return => {
                    let value = self.pop();
                    if self.frames.len() == 1 {
                        return Ok(value);
                    }
                    if let Some(done) = self.frames.pop() {
                        self.stack.truncate(done.base);
                        self.at = done.back;
                    }
                    base = self.frames.last().map_or(0, |frame| frame.base);
                    self.push(value);
                }
                Code::Drop => {
                    self.pop();
                }
            }
        }
    }

    fn element(&mut self, list: Value, index: Value) -> Result<&mut Value, String> {
        match (list, index) {
            (Value::List(list), Value::Number(index)) => self.things.element(list, index),
            (Value::List(_), other) => Err(format!("an index is a number, not {}", other.kind())),
            (other, _) => Err(format!("only lists have elements, not {}", other.kind())),
        }
    }

    /// An operator of what are not two numbers.
    fn others(&mut self, operator: Binary, a: Value, b: Value) -> Result<Value, String> {
        match (operator, a, b) {
            (Binary::Equal, a, b) => self.things.equal(a, b).map(Value::Truth),
            (Binary::NotEqual, a, b) => self.things.equal(a, b).map(|equal| Value::Truth(!equal)),
            (Binary::Add, Value::Text(a), Value::Text(b)) => {
                let (a, b) = (self.things.text(a), self.things.text(b));
                let mut text = String::with_capacity(a.len() + b.len());
                text.push_str(a);
                text.push_str(b);
                self.things.make_text(text)
            }
            (_, Value::Text(x), Value::Text(y)) => {
                let order = self.things.text(x).cmp(self.things.text(y));
                match operator {
                    Binary::Less => Ok(Value::Truth(order.is_lt())),
                    Binary::LessOrEqual => Ok(Value::Truth(order.is_le())),
                    Binary::Greater => Ok(Value::Truth(order.is_gt())),
                    Binary::GreaterOrEqual => Ok(Value::Truth(order.is_ge())),
                    _ => Err(refusal(operator, a, b)),
                }
            }
            _ => Err(refusal(operator, a, b)),
        }
    }
}

fn refusal(operator: Binary, a: Value, b: Value) -> String {
    format!("'{}' does not go with {} and {}", mark(operator), a.kind(), b.kind())
}

fn unary(operator: Unary, value: Value) -> Result<Value, String> {
    match (operator, value) {
        (Unary::Not, value) => Ok(Value::Truth(!value.is_true())),
        (Unary::Invert, Value::Number(number)) => Ok(Value::Number(!number)),
        (Unary::Negate, Value::Number(number)) => {
            number.checked_neg().map(Value::Number).ok_or_else(|| format!("-({number}) does not fit into 64 bits"))
        }
        (Unary::Invert, other) => Err(format!("'~' does not go with {}", other.kind())),
        (Unary::Negate, other) => Err(format!("'-' does not go with {}", other.kind())),
    }
}

fn numbers(operator: Binary, a: i64, b: i64) -> Result<Value, String> {
    let number = match operator {
        Binary::Equal => return Ok(Value::Truth(a == b)),
        Binary::NotEqual => return Ok(Value::Truth(a != b)),
        Binary::Less => return Ok(Value::Truth(a < b)),
        Binary::LessOrEqual => return Ok(Value::Truth(a <= b)),
        Binary::Greater => return Ok(Value::Truth(a > b)),
        Binary::GreaterOrEqual => return Ok(Value::Truth(a >= b)),
        Binary::Or => Some(a | b),
        Binary::Xor => Some(a ^ b),
        Binary::And => Some(a & b),
        Binary::Add => a.checked_add(b),
        Binary::Subtract => a.checked_sub(b),
        Binary::Multiply => a.checked_mul(b),
        Binary::ShiftLeft | Binary::ShiftRight => match u32::try_from(b).ok().filter(|&bits| bits < 64) {
            Some(bits) => Some(if matches!(operator, Binary::ShiftLeft) { a << bits } else { a >> bits }),
            None => return Err(format!("a shift is by 0 to 63 bits, not {b}")),
        },
        Binary::Divide | Binary::Remainder if b == 0 => return Err(format!("{a} {} 0", mark(operator))),
        Binary::Divide => a.checked_div(b),
        // The remainder by -1 is zero, whatever the quotient.
        Binary::Remainder => Some(a.wrapping_rem(b)),
    };
    number.map(Value::Number).ok_or_else(|| format!("{a} {} {b} does not fit into 64 bits", mark(operator)))
}

/// How an operator is written.
fn mark(operator: Binary) -> &'static str {
    match operator {
        Binary::Equal => "==",
        Binary::NotEqual => "!=",
        Binary::Less => "<",
        Binary::LessOrEqual => "<=",
        Binary::Greater => ">",
        Binary::GreaterOrEqual => ">=",
        Binary::Or => "|",
        Binary::Xor => "^",
        Binary::And => "&",
        Binary::ShiftLeft => "<<",
        Binary::ShiftRight => ">>",
        Binary::Add => "+",
        Binary::Subtract => "-",
        Binary::Multiply => "*",
        Binary::Divide => "/",
        Binary::Remainder => "%",
    }
}
