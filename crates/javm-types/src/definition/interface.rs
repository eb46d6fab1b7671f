//! Interfaces.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::fmt;

use super::types::twice;
use super::{Method, Struct, TypeError};
use crate::limits::{MAX_METHODS, MAX_STRUCTS, MAX_TYPEDEF_BYTES};
use crate::name::Identifier;

/// An interface: named methods in an order that gives them their numbers.
///
/// ```
/// use javm_types::TypeDef;
/// let counter: TypeDef = "
///     interface counter {
///         add(amount: u64) -> u64;
///         reset();
///     }
/// "
/// .parse()?;
/// let (number, reset) = counter.method("reset").ok_or("there is one")?;
/// assert_eq!((number, reset.returns().is_unit()), (1, true));
/// assert_eq!(TypeDef::decode(&counter.encode())?, counter);
/// assert_eq!(counter.to_string().parse(), Ok(counter));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct TypeDef {
    name: Identifier,
    methods: Vec<Method>,
}

impl TypeDef {
    /// An interface.
    ///
    /// # Errors
    /// [`TypeError`] when there are too many methods or structs, two methods have one name, one struct's name has two
    /// meanings, or the encoding would be too long.
    pub fn new(name: Identifier, methods: Vec<Method>) -> Result<TypeDef, TypeError> {
        if methods.len() > MAX_METHODS {
            return Err(TypeError::MethodCount(methods.len()));
        }
        if let Some(name) = twice(methods.iter().map(Method::name)) {
            return Err(TypeError::MethodTwice(name.clone()));
        }
        one_meaning(&methods)?;
        let typedef = TypeDef { name, methods };
        match typedef.encode().len() {
            length if length > MAX_TYPEDEF_BYTES => Err(TypeError::TooLong(length)),
            _ => Ok(typedef),
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &Identifier {
        &self.name
    }

    /// Its methods, by number.
    #[must_use]
    pub fn methods(&self) -> &[Method] {
        &self.methods
    }

    /// The method with this name, and its number.
    #[must_use]
    pub fn method(&self, name: &str) -> Option<(u16, &Method)> {
        (0..).zip(&self.methods).find(|(_, method)| method.name().as_str() == name)
    }

    /// The structs that its methods mention, once each, each behind those that it consists of.
    #[must_use]
    pub fn structs(&self) -> Vec<&Struct> {
        let mut seen = alloc::collections::BTreeSet::new();
        let mut found: Vec<&Struct> = self.methods.iter().flat_map(Method::structs).collect();
        found.retain(|structure| seen.insert(&structure.name));
        found
    }
}

/// Checks that the name of a struct says which one it is, and that there are not too many.
fn one_meaning(methods: &[Method]) -> Result<(), TypeError> {
    let mut known: BTreeMap<&Identifier, (&Struct, &Method)> = BTreeMap::new();
    for method in methods {
        for structure in method.structs() {
            let (same, first) = *known.entry(&structure.name).or_insert((structure, method));
            if same != structure {
                let (first, second) = (first.name().clone(), method.name().clone());
                return Err(TypeError::StructDiffers { name: structure.name.clone(), first, second });
            }
        }
    }
    if known.len() > MAX_STRUCTS { Err(TypeError::StructCount(known.len())) } else { Ok(()) }
}

/// The text of the language, which parses to the same interface.
impl fmt::Display for TypeDef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for structure in self.structs() {
            writeln!(f, "struct {} {{", structure.name)?;
            structure.fields.iter().try_for_each(|field| writeln!(f, "    {field},"))?;
            f.write_str("}\n\n")?;
        }
        writeln!(f, "interface {} {{", self.name)?;
        self.methods.iter().try_for_each(|method| writeln!(f, "    {method};"))?;
        f.write_str("}\n")
    }
}
