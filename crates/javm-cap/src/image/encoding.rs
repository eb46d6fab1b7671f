//! Writing an Image and hashing it: the mirror of `decoding`.

use alloc::vec::Vec;

use super::{Backing, Image, Wanted};
use crate::data::Data;
use crate::hash::{CapHash, Hash, hash_parts};
use crate::tag::Tag;

/// The first bytes of every Image, whatever its version. Transfers that take a file for text change the last four.
pub const MAGIC: [u8; 8] = *b"\x7fNUB\r\n\x1a\n";

/// The version of the format that is written, and the only one that is read.
pub const VERSION: u16 = 2;

/// The bit of an endpoint's flags that says that a signature follows. Those below it are the register mask.
pub(super) const HAS_SIGNATURE: u16 = 1 << 15;

/// The number of a mapping's kind.
pub(super) const PERSISTENT: u8 = 0;
pub(super) const EPHEMERAL: u8 = 1;

/// The hash that stands for a program blob.
pub(super) fn code_hash(code: &[u8]) -> Hash {
    hash_parts(Tag::Code, &[code])
}

/// The length of a table as it is written. None has 2^32 entries or bytes in an Image that is within its limits.
fn length(count: usize) -> [u8; 4] {
    (count as u32).to_le_bytes()
}

impl Image {
    /// Its canonical encoding. For an Image that is not within its limits the bytes may decode to no Image.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.encode_to(&mut out);
        out
    }

    /// [`Image::encode`], behind what is in `out`: for those who have memory for it.
    pub fn encode_to(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&MAGIC);
        self.encode_manifest(out);
        // Once for all of it: growing would copy what is there again and again.
        out.reserve(self.code.len() + self.contents_length());
        out.extend_from_slice(&self.code);
        self.slots.values().for_each(|data| data.encode_content(out));
    }

    /// The bytes of its canonical encoding, without making it.
    pub(super) fn encoded_length(&self) -> usize {
        MAGIC.len() + self.manifest().len() + self.code.len() + self.contents_length()
    }

    /// The bytes that the contents of its initial Data take.
    fn contents_length(&self) -> usize {
        self.slots.values().map(Data::content_length).sum()
    }

    /// The part of the encoding that the hash is of. Code and initial Data are in it by their hashes.
    #[must_use]
    pub fn manifest(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.encode_manifest(&mut out);
        out
    }

    /// The hash of this Image as a capability.
    #[must_use]
    pub fn hash(&self) -> CapHash {
        hash_of_manifest(&self.manifest())
    }

    /// How many bytes the signatures of its endpoints take.
    pub(super) fn signature_bytes(&self) -> usize {
        self.endpoints
            .iter()
            .filter_map(|endpoint| endpoint.signature.as_ref())
            .map(|method| method.encode().len())
            .sum()
    }

    fn encode_manifest(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&VERSION.to_le_bytes());
        out.extend_from_slice(&[self.cost_model as u8, 0]);
        out.extend_from_slice(&length(self.code.len()));
        out.extend_from_slice(&code_hash(&self.code));
        out.extend_from_slice(&length(self.endpoints.len()));
        out.extend_from_slice(&length(self.memory.len()));
        out.extend_from_slice(&length(self.slots.len()));
        out.extend_from_slice(&length(self.imports.len()));
        out.extend_from_slice(&length(self.typedefs.len()));
        for endpoint in &self.endpoints {
            let set = endpoint.registers.iter().enumerate().filter(|&(_, &value)| value != 0);
            let typed = if endpoint.signature.is_some() { HAS_SIGNATURE } else { 0 };
            let flags = set.clone().fold(typed, |flags, (register, _)| flags | 1 << register);
            out.extend_from_slice(&endpoint.entry.to_le_bytes());
            out.extend_from_slice(&[endpoint.arity, endpoint.name.len() as u8]);
            out.extend_from_slice(&flags.to_le_bytes());
            out.extend_from_slice(endpoint.name.as_bytes());
            for (_, value) in set {
                out.extend_from_slice(&value.to_le_bytes());
            }
            if let Some(signature) = &endpoint.signature {
                out.extend_from_slice(&signature.encode());
            }
        }
        for (first_page, mapping) in &self.memory {
            let (kind, slot, offset_pages) = match mapping.backing {
                Backing::Persistent { slot, offset_pages } => (PERSISTENT, slot, offset_pages),
                Backing::Ephemeral => (EPHEMERAL, 0, 0),
            };
            out.extend_from_slice(&first_page.to_le_bytes());
            out.extend_from_slice(&mapping.pages.to_le_bytes());
            out.extend_from_slice(&offset_pages.to_le_bytes());
            out.extend_from_slice(&[mapping.access as u8, kind, slot, 0]);
        }
        for (&slot, data) in &self.slots {
            out.extend_from_slice(&[slot, Tag::Data.number(), 0, 0]);
            out.extend_from_slice(&data.pages().to_le_bytes());
            out.extend_from_slice(&data.root());
        }
        for (&slot, import) in &self.imports {
            let required = u8::from(import.required);
            match import.wanted {
                Wanted::Service(id) => {
                    out.extend_from_slice(&[slot, required, Tag::Service.number(), 0]);
                    out.extend_from_slice(&id.to_le_bytes());
                }
                Wanted::TypeDef(hash) => {
                    out.extend_from_slice(&[slot, required, Tag::TypeDef.number(), 0]);
                    out.extend_from_slice(hash.as_bytes());
                }
            }
        }
        for hash in &self.typedefs {
            out.extend_from_slice(hash.as_bytes());
        }
    }
}

/// The hash of the Image with this manifest.
fn hash_of_manifest(manifest: &[u8]) -> CapHash {
    CapHash(hash_parts(Tag::Image, &[manifest]))
}
