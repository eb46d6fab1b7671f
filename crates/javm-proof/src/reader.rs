//! A proof as a sequence of fields.

use core::fmt;

use crate::hash::Hash;

/// Why a proof does not show a claim.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ProofError {
    /// The proof ends too early.
    Truncated {
        /// The byte at which something is missing.
        at: usize,
    },
    /// Bytes follow behind its end.
    TrailingBytes {
        /// How many.
        count: usize,
    },
    /// A byte is none of those that can stand there.
    Unknown {
        /// Its place.
        at: usize,
        /// The byte.
        found: u8,
    },
    /// A hash is written out that has a shorter form.
    SpareHash {
        /// Its place.
        at: usize,
    },
    /// A path of more slots than there are; or, for a claim that nothing is there, of none.
    Path {
        /// How many slots it has.
        slots: usize,
    },
    /// The bytes that are claimed are none, or not all inside of the Data.
    Range {
        /// The first byte.
        offset: u64,
        /// How many there are.
        length: usize,
        /// The length of the Data, in pages.
        pages: u32,
    },
    /// A claim that a capability is there whose hash is 32 zero bytes: they stand for an empty slot.
    NoCapability,
    /// What the proof says is true of another root.
    Root {
        /// That root.
        found: Hash,
    },
}

impl fmt::Display for ProofError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ProofError::Truncated { at } => write!(f, "the proof ends at byte {at}, where something must follow"),
            ProofError::TrailingBytes { count } => write!(f, "{count} bytes follow behind the end of the proof"),
            ProofError::Unknown { at, found } => {
                write!(f, "the byte {found:#04x} at {at} of the proof stands for nothing")
            }
            ProofError::SpareHash { at } => {
                write!(f, "the hash at byte {at} of the proof is that of an empty subtree, which is not written out")
            }
            ProofError::Path { slots: 0 } => f.write_str("a path of no slot leads to the root, which is there"),
            ProofError::Path { slots } => write!(f, "a path of {slots} slots: none is longer than 16"),
            ProofError::Range { offset, length, pages } => {
                write!(f, "{length} bytes from {offset} on are not in a Data of {pages} pages, or are none")
            }
            ProofError::NoCapability => {
                f.write_str("no capability has the hash of 32 zero bytes: it means an empty slot")
            }
            ProofError::Root { found } => {
                f.write_str("the proof is of another root or another claim: it leads to ")?;
                found.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }
    }
}

impl core::error::Error for ProofError {}

/// A proof and how far it has been read.
pub(crate) struct Reader<'a> {
    proof: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(proof: &'a [u8]) -> Reader<'a> {
        Reader { proof, at: 0 }
    }

    pub(crate) fn bytes(&mut self, length: usize) -> Result<&'a [u8], ProofError> {
        let rest = self.proof.get(self.at..).unwrap_or_default();
        let bytes = rest.get(..length).ok_or(ProofError::Truncated { at: self.proof.len() })?;
        self.at += length;
        Ok(bytes)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], ProofError> {
        let mut array = [0; N];
        array.copy_from_slice(self.bytes(N)?);
        Ok(array)
    }

    pub(crate) fn hash(&mut self) -> Result<Hash, ProofError> {
        self.array()
    }

    pub(crate) fn u32(&mut self) -> Result<u32, ProofError> {
        self.array().map(u32::from_le_bytes)
    }

    /// A byte that one of two things is said by: gives whether it is the second.
    pub(crate) fn either(&mut self, first: u8, second: u8) -> Result<bool, ProofError> {
        let at = self.at;
        match self.array()? {
            [found] if found == first => Ok(false),
            [found] if found == second => Ok(true),
            [found] => Err(ProofError::Unknown { at, found }),
        }
    }

    /// The hash of a subtree: a 0 for the one with nothing in it, whose hash is `nothing`; else a 1 and the hash.
    pub(crate) fn sibling(&mut self, nothing: &Hash) -> Result<Hash, ProofError> {
        if !self.either(0, 1)? {
            return Ok(*nothing);
        }
        let at = self.at;
        match self.hash()? {
            hash if hash == *nothing => Err(ProofError::SpareHash { at }),
            hash => Ok(hash),
        }
    }

    pub(crate) fn end(&self) -> Result<(), ProofError> {
        match self.proof.len() - self.at {
            0 => Ok(()),
            count => Err(ProofError::TrailingBytes { count }),
        }
    }
}
