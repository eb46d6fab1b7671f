//! Values, and where those are that do not fit into a word.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write as _;

/// A value. Strings and lists are numbers of those in [`Things`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value {
    Nil,
    Truth(bool),
    Number(i64),
    Text(u32),
    List(u32),
}

/// The strings and lists of a run. They live until it ends: what makes many is stopped by [`MEMORY`].
pub struct Things {
    texts: Vec<Box<str>>,
    lists: Vec<Vec<Value>>,
    used: usize,
    printed: Vec<String>,
    printed_bytes: usize,
}

/// How many bytes strings and lists may take together; what one of them takes beside its contents is a part of it.
pub const MEMORY: usize = 6 << 20;
const EACH: usize = 32;

/// How much may be printed: lines, and their bytes.
const PRINTED_LINES: usize = 10_000;
const PRINTED_BYTES: usize = 256 << 10;

/// How deep lists in lists are shown and compared.
const DEPTH: usize = 64;

impl Things {
    pub fn new() -> Things {
        Things { texts: Vec::new(), lists: Vec::new(), used: 0, printed: Vec::new(), printed_bytes: 0 }
    }

    fn take(&mut self, bytes: usize) -> Result<(), String> {
        self.used = self.used.saturating_add(bytes);
        if self.used > MEMORY {
            return Err(format!("strings and lists take more than {} MiB", MEMORY >> 20));
        }
        Ok(())
    }

    pub fn make_text(&mut self, text: String) -> Result<Value, String> {
        self.take(EACH + text.len())?;
        self.texts.push(text.into_boxed_str());
        Ok(Value::Text(self.texts.len() as u32 - 1))
    }

    pub fn make_list(&mut self, values: Vec<Value>) -> Result<Value, String> {
        self.take(EACH + size_of_val(values.as_slice()))?;
        self.lists.push(values);
        Ok(Value::List(self.lists.len() as u32 - 1))
    }

    pub fn print(&mut self, line: String) -> Result<(), String> {
        self.printed_bytes += line.len();
        if self.printed.len() == PRINTED_LINES || self.printed_bytes > PRINTED_BYTES {
            return Err(format!("more than {PRINTED_LINES} lines or {} KiB are printed", PRINTED_BYTES >> 10));
        }
        self.printed.push(line);
        Ok(())
    }

    /// The lines that were printed.
    pub fn printed(self) -> Vec<String> {
        self.printed
    }

    pub fn text(&self, number: u32) -> &str {
        &self.texts[number as usize]
    }

    pub fn list(&self, number: u32) -> &[Value] {
        &self.lists[number as usize]
    }

    pub fn push(&mut self, list: u32, value: Value) -> Result<(), String> {
        // A list that grows moves, and leaves its old memory behind.
        self.take(2 * size_of::<Value>())?;
        self.lists[list as usize].push(value);
        Ok(())
    }

    pub fn pop(&mut self, list: u32) -> Option<Value> {
        self.lists[list as usize].pop()
    }

    /// The element at an index, if there is one.
    pub fn element(&mut self, list: u32, index: i64) -> Result<&mut Value, String> {
        let list = &mut self.lists[list as usize];
        let length = list.len();
        let found = usize::try_from(index).ok().and_then(|index| list.get_mut(index));
        found.ok_or_else(|| format!("index {index} is not in a list of {length}"))
    }

    /// Whether two values are the same: numbers and strings by what they are, lists by their elements.
    pub fn equal(&self, a: Value, b: Value) -> Result<bool, String> {
        self.equal_to_depth(a, b, DEPTH)
    }

    fn equal_to_depth(&self, a: Value, b: Value, depth: usize) -> Result<bool, String> {
        match (a, b) {
            (Value::Text(a), Value::Text(b)) => Ok(a == b || self.text(a) == self.text(b)),
            (Value::List(a), Value::List(b)) if a != b => {
                if depth == 0 {
                    return Err(format!("lists lie deeper than {DEPTH} in each other and cannot be compared"));
                }
                let (a, b) = (self.list(a), self.list(b));
                if a.len() != b.len() {
                    return Ok(false);
                }
                for (&a, &b) in a.iter().zip(b) {
                    if !self.equal_to_depth(a, b, depth - 1)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            _ => Ok(a == b),
        }
    }

    /// A value as it is printed, at the end of `out`.
    pub fn show(&self, value: Value, out: &mut String) -> Result<(), String> {
        self.show_to_depth(value, out, DEPTH)
    }

    fn show_to_depth(&self, value: Value, out: &mut String, depth: usize) -> Result<(), String> {
        if out.len() > MEMORY / 4 {
            return Err(format!("a text is longer than {} KiB", MEMORY >> 12));
        }
        match value {
            Value::Nil => out.push_str("nil"),
            Value::Truth(truth) => out.push_str(if truth { "true" } else { "false" }),
            // Writing to a string cannot fail.
            Value::Number(number) => drop(write!(out, "{number}")),
            Value::Text(text) => out.push_str(self.text(text)),
            Value::List(list) => {
                if depth == 0 {
                    return Err(format!("lists lie deeper than {DEPTH} in each other and cannot be shown"));
                }
                out.push('[');
                for (i, &value) in self.list(list).iter().enumerate() {
                    if i > 0 {
                        out.push_str(", ");
                    }
                    self.show_to_depth(value, out, depth - 1)?;
                }
                out.push(']');
            }
        }
        Ok(())
    }
}

impl Value {
    /// What kind of value it is, for messages.
    pub fn kind(self) -> &'static str {
        match self {
            Value::Nil => "nil",
            Value::Truth(_) => "a truth value",
            Value::Number(_) => "a number",
            Value::Text(_) => "a string",
            Value::List(_) => "a list",
        }
    }

    /// Only `false` and `nil` are not true.
    pub fn is_true(self) -> bool {
        !matches!(self, Value::Nil | Value::Truth(false))
    }
}
