//! The bounds of types, TypeDefs and values. `docs/spec/types.md` has the same table.

/// Bytes of a name: what an Image's endpoint may have.
pub const MAX_NAME_BYTES: usize = 48;

/// Types one inside of the other, the outermost and the innermost counted: bounds the stack that everything takes which
/// follows a type.
pub const MAX_TYPE_DEPTH: usize = 16;

/// Types in a type, itself and each repetition counted: a few declarations cannot stand for a type that fills memory.
pub const MAX_TYPE_NODES: usize = 256;

/// Elements of a tuple. What is longer deserves names.
pub const MAX_TUPLE_ELEMENTS: usize = 8;

/// Fields of a struct.
pub const MAX_FIELDS: usize = 64;

/// Arguments of a method: one tuple of them can be lifted and lowered.
pub const MAX_ARGUMENTS: usize = MAX_TUPLE_ELEMENTS;

/// Methods of a TypeDef: a right to call some of them is a mask with a bit for each.
pub const MAX_METHODS: usize = 256;

/// Different structs in a TypeDef: bounds what a text's declarations stand for.
pub const MAX_STRUCTS: usize = 256;

/// Bytes of an encoded TypeDef: sixteen pages of memory, more than any interface that people read.
pub const MAX_TYPEDEF_BYTES: usize = 1 << 16;

/// Bytes of the text of a TypeDef.
pub const MAX_TEXT_BYTES: usize = 1 << 20;

/// Bytes of an encoded value: the longest scratchpad that a call can bring.
pub const MAX_VALUE_BYTES: usize = 1 << 26;

/// Values, those inside counted, that [`Value::decode`](crate::Value::decode) makes at most: bounds its memory at some
/// hundred MiB. It is no rule of the format.
pub const MAX_DECODED_VALUES: usize = 1 << 22;

/// Registers that carry arguments, φ7 to φ10.
pub const ARGUMENT_REGISTERS: usize = 4;
