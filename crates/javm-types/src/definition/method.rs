//! Methods.

use alloc::vec::Vec;
use core::fmt;

use super::types::twice;
use super::{Field, Struct, Type, TypeError};
use crate::limits::{ARGUMENT_REGISTERS, MAX_ARGUMENTS};
use crate::name::MethodName;

/// A method of an interface: its name, what it takes, what it returns.
///
/// ```
/// use javm_types::Method;
/// let method: Method = "transfer(to: address32, amount: u64) -> bool".parse()?;
/// assert_eq!(method.name().as_str(), "transfer");
/// assert_eq!(Method::decode(&method.encode())?, method);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Method {
    name: MethodName,
    arguments: Vec<Field>,
    returns: Type,
}

impl Method {
    /// A method.
    ///
    /// # Errors
    /// [`TypeError`] when there are too many arguments, two have one name, or one is `()`.
    pub fn new(name: MethodName, arguments: Vec<Field>, returns: Type) -> Result<Method, TypeError> {
        if arguments.len() > MAX_ARGUMENTS {
            return Err(TypeError::ArgumentCount(arguments.len()));
        }
        if let Some(name) = twice(arguments.iter().map(|argument| &argument.name)) {
            return Err(TypeError::ArgumentTwice(name.clone()));
        }
        if arguments.iter().any(|argument| argument.ty.is_unit()) {
            return Err(TypeError::Unit);
        }
        Ok(Method { name, arguments, returns })
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &MethodName {
        &self.name
    }

    /// What it takes, in order.
    #[must_use]
    pub fn arguments(&self) -> &[Field] {
        &self.arguments
    }

    /// What it returns.
    #[must_use]
    pub fn returns(&self) -> &Type {
        &self.returns
    }

    /// The structs that it mentions, as often as it does, each behind those that it consists of.
    #[must_use]
    pub fn structs(&self) -> Vec<&Struct> {
        let mut found = Vec::new();
        let arguments = self.arguments.iter().map(|argument| &argument.ty);
        arguments.chain([&self.returns]).for_each(|ty| ty.structs(&mut found));
        found
    }

    /// Whether the arguments travel in registers, one each: at most four scalars.
    #[must_use]
    pub fn takes_registers(&self) -> bool {
        self.arguments.len() <= ARGUMENT_REGISTERS && self.arguments.iter().all(|argument| argument.ty.is_scalar())
    }

    /// Whether the result travels in φ7 alone: one scalar, or `()`.
    #[must_use]
    pub fn returns_register(&self) -> bool {
        self.returns.is_scalar() || self.returns.is_unit()
    }

    /// Whether a call needs the scratchpad to go with it, for the arguments or for the result.
    #[must_use]
    pub fn needs_scratchpad(&self) -> bool {
        !(self.takes_registers() && self.returns_register())
    }

    /// The number of registers, from φ7 on, that carry arguments: the arity of the endpoint. It is 1 where they stand in
    /// the scratchpad, for their length.
    #[must_use]
    pub fn arity(&self) -> u8 {
        // No more than MAX_ARGUMENTS.
        if self.takes_registers() { self.arguments.len() as u8 } else { 1 }
    }
}

/// As the language says it, without the semicolon.
impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}(", self.name)?;
        for (index, argument) in self.arguments.iter().enumerate() {
            let separator = if index == 0 { "" } else { ", " };
            write!(f, "{separator}{argument}")?;
        }
        f.write_str(")")?;
        if self.returns.is_unit() { Ok(()) } else { write!(f, " -> {}", self.returns) }
    }
}
