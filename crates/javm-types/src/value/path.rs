//! Where in a value.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use crate::name::Identifier;

/// The way from a value to one inside of it, as in `recipients[1].amount`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Path {
    /// From the innermost outwards: an error collects its path on the way out.
    steps: Vec<Step>,
}

/// From a value to one directly inside.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Step {
    /// The element of a list, from 0 on: `[1]`.
    Index(usize),
    /// The element of a tuple, from 0 on: `.1`.
    Element(usize),
    /// The field of a struct, or an argument: `.amount`.
    Field(Identifier),
}

impl Path {
    /// The steps, from the outermost value on.
    pub fn steps(&self) -> impl DoubleEndedIterator<Item = &Step> + ExactSizeIterator {
        self.steps.iter().rev()
    }

    /// Puts a step in front.
    pub(crate) fn enter(&mut self, step: Step) {
        self.steps.push(step);
    }

    /// Itself and what separates it from a message; nothing for the whole value.
    pub(crate) fn prefix(&self) -> String {
        if self.steps.is_empty() { String::new() } else { self.to_string() + ": " }
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, step) in self.steps().enumerate() {
            match step {
                Step::Index(index) => write!(f, "[{index}]")?,
                Step::Element(index) => write!(f, ".{index}")?,
                Step::Field(name) if place == 0 => f.write_str(name)?,
                Step::Field(name) => write!(f, ".{name}")?,
            }
        }
        Ok(())
    }
}
