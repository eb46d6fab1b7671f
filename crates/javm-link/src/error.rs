//! What can be wrong with an input. Each error says what, where, and what to do about it.

use std::fmt;

use javm_cap::{ImageError, NameError};
use javm_types::{DefinitionError, ParseError};
use thiserror::Error;

use crate::riscv::{DecodeError, Word};

/// A place in the input.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Place {
    /// The name of the section.
    pub section: String,
    /// The offset in it, in bytes.
    pub offset: u64,
    /// The function or data symbol that the place belongs to, demangled, and the distance from its start.
    pub symbol: Option<(String, u64)>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.symbol {
            Some((name, distance)) => write!(f, "{name}+{distance:#x} ({}+{:#x})", self.section, self.offset),
            None => write!(f, "{}+{:#x}", self.section, self.offset),
        }
    }
}

/// Why a file could not be linked.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum LinkError {
    /// The file does not start like an ELF file.
    #[error("this is not an ELF file: it does not start with 7f 45 4c 46; give the linker an object file or a program")]
    NotElf,
    /// An ELF file for another machine.
    #[error("this ELF file is for {found}; compile for riscv64 (ELF64, little endian, machine 243)")]
    WrongMachine {
        /// What it is for.
        found: String,
    },
    /// Neither relocatable nor a program.
    #[error(
        "this ELF file is of type {0}; a relocatable object (1), a program (2) or a position-independent program (3) is needed"
    )]
    FileType(u16),
    /// The calling convention passes floating-point numbers in registers that do not exist.
    #[error("this file was compiled for the {0} float ABI; compile with -mabi=lp64e")]
    FloatAbi(&'static str),
    /// The calling convention is not that of RV64E.
    #[error("this file was compiled for 32 registers; compile with -march=rv64emc_zbb -mabi=lp64e")]
    NotEmbedded,
    /// Not all of the file is there, or its tables contradict each other.
    #[error("malformed ELF file: {0}")]
    Malformed(String),
    /// The symbol table is missing.
    #[error("the file has no symbol table; do not strip it before linking")]
    NoSymbols,
    /// A linked program without relocations.
    #[error("the program has no relocations left; link it with --emit-relocs, or make a relocatable object with -r")]
    NoRelocations,
    /// A pointer that only the dynamic loader would fill in.
    #[error("in {place}: a pointer here has a dynamic relocation only; link with --emit-relocs")]
    DynamicOnly {
        /// Where the pointer is.
        place: Box<Place>,
    },

    /// An instruction that has no meaning on this machine.
    #[error("in {place}: {word}: {why}")]
    Instruction {
        /// Where it stands.
        place: Box<Place>,
        /// It.
        word: Word,
        /// What is wrong with it.
        why: InstructionError,
    },
    /// A relocation that is not supported there.
    #[error("in {place}: relocation {kind} against {symbol}: {why}")]
    Relocation {
        /// Where it applies.
        place: Box<Place>,
        /// Its name, for example `R_RISCV_CALL`.
        kind: String,
        /// The symbol that it refers to, demangled.
        symbol: String,
        /// What is wrong with it.
        why: RelocationError,
    },
    /// A symbol that nobody defines.
    #[error("in {place}: {symbol} is not defined anywhere; add the object or crate that defines it")]
    Undefined {
        /// The first place that refers to it.
        place: Box<Place>,
        /// The symbol, demangled.
        symbol: String,
    },
    /// Code goes somewhere where there is no code.
    #[error("in {place}: goes to {target}: {why}")]
    Target {
        /// Where it comes from.
        place: Box<Place>,
        /// Where it goes.
        target: Box<Place>,
        /// What is wrong with that.
        why: TargetError,
    },

    /// Nothing can be called.
    #[error(
        "the program has no endpoints; declare one with the endpoint macro of the SDK (a record in section .nub.endpoints)"
    )]
    NoEndpoints,
    /// A record that the linker reads is wrong.
    #[error("record {index} of section {section}: {why}")]
    Record {
        /// The section.
        section: &'static str,
        /// The number of the record, from 0 on.
        index: usize,
        /// What is wrong with it.
        why: RecordError,
    },

    /// Constructors would have to run before an endpoint does, and nobody runs them.
    #[error(
        "section {section} holds {bytes} bytes of constructors or destructors, which nothing would run; initialise in an endpoint or use constants"
    )]
    Constructors {
        /// The section.
        section: String,
        /// Its size.
        bytes: u64,
    },
    /// A section cannot be placed.
    #[error("section {section}: {why}")]
    Section {
        /// The section.
        section: String,
        /// Why not.
        why: SectionError,
    },
    /// A part of memory is larger than it can be.
    #[error("{what} of {bytes} bytes; at most {limit} are possible")]
    TooBig {
        /// What is too large.
        what: &'static str,
        /// How large it is, in bytes.
        bytes: u64,
        /// The limit, in bytes.
        limit: u64,
    },
    /// The Image that came out is not valid: more code, endpoints or data than an Image can hold.
    #[error("the linked Image is not valid: {0}")]
    Image(#[from] ImageError),
}

/// What is wrong with an instruction.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum InstructionError {
    /// It cannot be decoded.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// The instruction ends behind the end of its section.
    #[error("the section ends inside of this instruction")]
    Cut,
    /// An `auipc` without a relocation.
    #[error(
        "this address is not known to the linker: the relocation is missing; compile without .option norelax, or link with --emit-relocs"
    )]
    AuipcWithoutRelocation,
    /// A jump through a register with a constant added.
    #[error("a jump to a register plus a constant: code addresses cannot be computed with")]
    JumpWithOffset,
    /// A number is added to the address of a place in the code.
    #[error("this adds a number to the address of code: code addresses cannot be computed with")]
    CodeArithmetic,
    /// An absolute address that two instructions cannot make.
    #[error("the address {0:#x} is not within 2^31 of zero")]
    AddressRange(i64),
    /// Code is not in memory.
    #[error("this reads or writes the code of {0}: code is not in memory; put constants into .rodata")]
    AccessToCode(String),
    /// Two instructions overlap.
    #[error("something jumps into the middle of this instruction")]
    Overlap,
}

/// What is wrong with a relocation.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum RelocationError {
    /// Not one of the supported kinds.
    #[error("relocations of this kind are not supported")]
    Unsupported,
    /// Thread-local variables.
    #[error("thread-local variables are not supported; a program has one thread: use a plain static")]
    ThreadLocal,
    /// Addresses relative to gp.
    #[error("addresses relative to gp are not supported; link with --no-relax-gp")]
    GlobalPointer,
    /// Functions that choose their implementation while loading.
    #[error("indirect functions (ifunc) are not supported; call the implementation directly")]
    IndirectFunction,
    /// It stands on an instruction that it does not fit to.
    #[error("it does not fit to {0}; link with --no-relax")]
    WrongInstruction(Word),
    /// A second relocation at the same place.
    #[error("another relocation, {0}, applies to the same instruction")]
    Second(String),
    /// A low part whose high part cannot be found.
    #[error("there is no auipc with a relocation where its symbol says")]
    NoHighPart,
    /// An address that lies outside of the symbol's section where that is not allowed.
    #[error("it refers to offset {0:#x}, which is outside of the symbol's section")]
    OutOfSection(i64),
    /// The value does not fit into the place.
    #[error("the value {value:#x} does not fit into {bytes} bytes")]
    Range {
        /// The value.
        value: i64,
        /// The size of the place.
        bytes: u8,
    },
    /// The place is not inside of its section.
    #[error("the section has only {0:#x} bytes")]
    PastEnd(u64),
    /// An addend where none is possible.
    #[error("its addend is {0}; only 0 is possible")]
    Addend(i64),
    /// The symbol is in a section that is not part of a program in memory.
    #[error("the symbol is in section {0}, which is not loaded into memory")]
    NotLoaded(String),
    /// It goes to something that is not code.
    #[error("a jump or call to something that is not code")]
    NotCode,
    /// Several sections share the name that a start or stop symbol refers to.
    #[error("{0} sections have this name; combine them with -r first")]
    ManySections(usize),
}

/// Why code cannot go somewhere.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum TargetError {
    /// Instructions stand at even offsets.
    #[error("instructions stand at even offsets only")]
    Odd,
    /// Outside of the section.
    #[error("the section has only {0:#x} bytes")]
    OutOfSection(u64),
}

/// What is wrong with a record.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum RecordError {
    /// The section's length is no multiple of the record's.
    #[error("it is cut short: {found} bytes of {size}")]
    Size {
        /// The bytes that are there.
        found: usize,
        /// The bytes of a record.
        size: usize,
    },
    /// Written for another linker.
    #[error("its version is {0}; this linker knows version 1")]
    Version(u32),
    /// Bytes that must be zero are not.
    #[error("reserved bytes are not zero")]
    Reserved,
    /// The name is no endpoint's name.
    #[error("the endpoint's name: {0}")]
    Name(#[from] NameError),
    /// Two endpoints have one name.
    #[error("another endpoint is called {0} too")]
    SameName(String),
    /// Too many arguments.
    #[error("endpoint {name} takes {arity} arguments; at most {limit} are possible")]
    Arity {
        /// The endpoint.
        name: String,
        /// Its arguments.
        arity: u8,
        /// How many there may be.
        limit: u8,
    },
    /// Bytes that should be signatures are not.
    #[error("this is no signature: {0}")]
    Signature(DefinitionError),
    /// Bytes that should be a TypeDef are not.
    #[error("this is no TypeDef: {0}")]
    TypeDef(Box<DefinitionError>),
    /// Neither implemented nor wanted.
    #[error("what the interface is to the program is {0}; 1 (implemented) or 2 (wanted) are possible")]
    Role(u8),
    /// Text that should be an interface is none.
    #[error("this is no interface: {0}")]
    Interface(ParseError),
    /// Bytes that should be text are not.
    #[error("an interface is UTF-8 text with a zero behind it; byte {0} of this one is not UTF-8")]
    NotText(usize),
    /// A signature of nothing.
    #[error("there is no endpoint for {0}")]
    NoEndpoint(String),
    /// A signature says something else than the endpoint's record.
    #[error(
        "the signature is {method}, but the endpoint's record says that {arity} registers hold arguments; a call that passes them in the scratchpad has one, for their length"
    )]
    SignatureArity {
        /// The signature.
        method: String,
        /// What the record says.
        arity: u8,
    },
    /// Two signatures of one endpoint.
    #[error("there are two signatures for one endpoint, {0} and {1}")]
    OtherSignature(String, String),
    /// The entry is not a relocation to a function.
    #[error("its entry is not a pointer to a function of this program")]
    Entry,
    /// The slot has a meaning of its own.
    #[error("slot {slot} is {meaning}; use one from {first} on")]
    Slot {
        /// The slot.
        slot: u8,
        /// What it is.
        meaning: &'static str,
        /// The first that is free.
        first: u8,
    },
    /// Two imports take one slot.
    #[error("another import takes slot {0} too")]
    SameSlot(u8),
    /// Not a Service.
    #[error("kind {0} of import is not known; 1 is a Service")]
    Kind(u8),
    /// Neither required nor optional.
    #[error("the field that says whether it is required is {0}; 0 or 1 are possible")]
    Required(u8),
    /// The same Service with different wishes, or more than one memory record.
    #[error("there may be one such record only")]
    Second,
}

/// Why a section cannot be placed.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum SectionError {
    /// Alignment is no power of two, or too large.
    #[error("alignment {found} is not a power of two up to {limit}")]
    Alignment {
        /// The alignment.
        found: u64,
        /// The largest possible one.
        limit: u64,
    },
    /// Ephemeral memory starts as zeros.
    #[error(
        "it has initial contents, but ephemeral memory is zero at the start of each call; make it .bss-like (@nobits)"
    )]
    EphemeralContents,
}
