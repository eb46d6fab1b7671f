//! Proofs of what stands below a capability, for who has nothing but its hash. `javm-proof` verifies them.
//!
//! The normative text is `docs/spec/proofs.md`.

use alloc::vec::Vec;

use crate::capability::Capability;
use crate::cnode::{CNode, PlaceError};
use crate::data::{Data, DataError};
use crate::hash::Hash;
use crate::page::PAGE_SIZE;
use crate::path::{Path, PathError};

/// Appends the hash of a subtree, or what stands for the one with nothing in it.
pub(crate) fn sibling(out: &mut Vec<u8>, hash: &Hash, nothing: &Hash) {
    if hash == nothing {
        out.push(0);
    } else {
        out.push(1);
        out.extend_from_slice(hash);
    }
}

impl Capability {
    /// The proof that what stands at the end of a path below this stands there; or, where the slot at its end is empty, that
    /// nothing does. The path of no slot leads to this itself.
    ///
    /// # Errors
    /// [`PlaceError`] when there is no way to that slot.
    pub fn prove(&self, path: &[u8]) -> Result<Vec<u8>, PlaceError> {
        let mut out = Vec::new();
        self.prove_slots(path, &mut out)?;
        Ok(out)
    }

    /// The proof that the Data at the end of a path has the bytes that it has from `offset` on.
    ///
    /// # Errors
    /// [`PlaceError`] when there is no Data, no way to it, or the bytes are not all inside of it or none.
    pub fn prove_bytes(&self, path: &[u8], offset: u64, length: u64) -> Result<Vec<u8>, PlaceError> {
        let data = self.data_at(path)?;
        let outside = DataError::NoRange { offset, length, pages: data.pages() };
        let end = offset.checked_add(length).filter(|&end| length > 0 && end <= data.size()).ok_or(outside)?;
        let page = PAGE_SIZE as u64;
        let mut out = Vec::from(data.pages().to_le_bytes());
        for (from, to) in [(offset / page * page, offset), (end, end.next_multiple_of(page))] {
            let start = out.len();
            // Less than a page.
            out.resize(start + (to - from) as usize, 0);
            data.read(from, &mut out[start..])?;
        }
        // Page numbers are below 2^20.
        data.prove_pages((offset / page) as u32, ((end - 1) / page) as u32, &mut out);
        self.prove_slots(path, &mut out)?;
        Ok(out)
    }

    /// [`Capability::prove`]; or, of a range by offset and length, [`Capability::prove_bytes`] with these bytes.
    ///
    /// # Errors
    /// Those of the two.
    pub fn prove_with_bytes(&self, path: &[u8], range: Option<(u64, u64)>) -> Result<(Vec<u8>, Vec<u8>), PlaceError> {
        let Some((offset, length)) = range else { return Ok((self.prove(path)?, Vec::new())) };
        let proof = self.prove_bytes(path, offset, length)?;
        // There are as many as there is a proof of.
        let mut bytes = alloc::vec![0; usize::try_from(length).unwrap_or(usize::MAX)];
        self.data_at(path)?.read(offset, &mut bytes)?;
        Ok((proof, bytes))
    }

    /// The Data at the end of a path.
    fn data_at(&self, path: &[u8]) -> Result<&Data, PlaceError> {
        let found = match path {
            [] => self,
            path => self.tables(path)?.at(path)?,
        };
        match found {
            Capability::Data(data) => Ok(data),
            other => Err(PlaceError::Kind { at: path.len().saturating_sub(1), found: other.tag() }),
        }
    }

    /// The table in which a path begins.
    fn tables(&self, path: &[u8]) -> Result<&CNode, PlaceError> {
        Path::new(path).map_err(|PathError(slots)| PlaceError::Length(slots))?;
        self.table().ok_or(PlaceError::Kind { at: 0, found: self.tag() })
    }

    /// What leads from the end of a path up to this.
    fn prove_slots(&self, path: &[u8], out: &mut Vec<u8>) -> Result<(), PlaceError> {
        let mut owner = self;
        let mut steps = Vec::new();
        for (at, &slot) in path.iter().enumerate() {
            let table = owner.tables(path).map_err(|error| match error {
                PlaceError::Kind { found, .. } => PlaceError::Kind { at: at.saturating_sub(1), found },
                error => error,
            })?;
            steps.push((owner, table, slot));
            match table.get(slot) {
                Some(next) => owner = next,
                None if at + 1 == path.len() => {}
                None => return Err(PlaceError::Empty(at)),
            }
        }
        for (owner, table, slot) in steps.into_iter().rev() {
            out.push(owner.tag().number());
            table.prove_slot(slot, out);
            if let Capability::Instance(instance) = owner {
                let encoding = instance.encode();
                let [_, image, _, state] = [0, 1, 33, 65].map(|start| &encoding[start..]);
                out.extend_from_slice(&image[..32]);
                out.extend_from_slice(state);
            }
        }
        Ok(())
    }
}
