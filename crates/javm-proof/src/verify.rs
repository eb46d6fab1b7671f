//! Claims, and checking them from the place up to the root.

use crate::hash::{Hash, Tag, hash, nothing};
use crate::reader::{ProofError, Reader};

/// The slots of the longest path.
pub const MAX_PATH_SLOTS: usize = 16;

/// The bytes of a page.
const PAGE: usize = 4096;

/// The pages of the longest Data.
const MAX_PAGES: u32 = 1 << 20;

/// The height of the tree over the slots of a table.
const TABLE_HEIGHT: usize = 8;

/// The leaf of a slot with nothing in it.
const EMPTY_SLOT: Hash = [0; 32];

/// What is said of a place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Claim<'a> {
    /// The capability with this hash stands there.
    Present(Hash),
    /// Nothing stands in the slot; the table that the slot is in is there.
    Absent,
    /// A Data stands there that has these bytes from this offset on; at least one byte.
    Bytes {
        /// The first byte.
        offset: u64,
        /// The bytes.
        bytes: &'a [u8],
    },
}

/// Checks that a proof shows a claim about the place that a path of slots leads to, from the root with this hash down.
///
/// Time and stack are bounded by the lengths of path, proof and claimed bytes.
///
/// ```
/// use javm_proof::{Claim, ProofError, verify};
/// let root = [7; 32];
/// // The root itself: there is nothing to show.
/// assert_eq!(verify(&root, &[], &Claim::Present([7; 32]), &[]), Ok(()));
/// assert_eq!(verify(&root, &[], &Claim::Present([8; 32]), &[]), Err(ProofError::Root { found: [8; 32] }));
/// ```
///
/// # Errors
/// [`ProofError`] when it does not.
pub fn verify(root: &Hash, path: &[u8], claim: &Claim<'_>, proof: &[u8]) -> Result<(), ProofError> {
    let absent = matches!(claim, Claim::Absent);
    if path.len() > MAX_PATH_SLOTS || absent && path.is_empty() {
        return Err(ProofError::Path { slots: path.len() });
    }
    let mut reader = Reader::new(proof);
    let mut found = match claim {
        Claim::Present(EMPTY_SLOT) => return Err(ProofError::NoCapability),
        Claim::Present(hash) => *hash,
        Claim::Absent => EMPTY_SLOT,
        Claim::Bytes { offset, bytes } => data(&mut reader, *offset, bytes)?,
    };
    let empty = nothing::<TABLE_HEIGHT>(Tag::CNodeNode, EMPTY_SLOT);
    for slot in path.iter().rev() {
        found = table(&mut reader, *slot, found, &empty)?;
    }
    reader.end()?;
    if found == *root { Ok(()) } else { Err(ProofError::Root { found }) }
}

/// The hash of the CNode or Instance with a leaf of this hash in a slot.
fn table(reader: &mut Reader<'_>, slot: u8, leaf: Hash, empty: &[Hash; TABLE_HEIGHT]) -> Result<Hash, ProofError> {
    let is_instance = reader.either(Tag::CNode as u8, Tag::Instance as u8)?;
    let mut node = leaf;
    for (height, empty) in empty.iter().enumerate() {
        let sibling = reader.sibling(empty)?;
        node = match slot >> height & 1 {
            0 => hash(Tag::CNodeNode, &[&node, &sibling]),
            _ => hash(Tag::CNodeNode, &[&sibling, &node]),
        };
    }
    let table = hash(Tag::CNode, &[&node]);
    if !is_instance {
        return Ok(table);
    }
    let (image, state) = (reader.hash()?, reader.hash()?);
    Ok(hash(Tag::Instance, &[&image, &table, &state]))
}

/// The hash of the Data with these bytes at an offset.
fn data(reader: &mut Reader<'_>, offset: u64, bytes: &[u8]) -> Result<Hash, ProofError> {
    let pages = reader.u32()?;
    let range = ProofError::Range { offset, length: bytes.len(), pages };
    let size = u64::from(pages.min(MAX_PAGES)) * PAGE as u64;
    let end = offset.checked_add(bytes.len() as u64).filter(|&end| end <= size && pages <= MAX_PAGES);
    let end = end.filter(|_| !bytes.is_empty()).ok_or(range)?;
    // Both are below 2^32.
    let before = (offset % PAGE as u64) as usize;
    let behind = (end.next_multiple_of(PAGE as u64) - end) as usize;
    let parts = [reader.bytes(before)?, bytes, reader.bytes(behind)?];
    let first = (offset / PAGE as u64) as u32;
    let last = ((end - 1) / PAGE as u64) as u32;
    let zero = nothing(Tag::DataNode, hash(Tag::Page, &[&[0; PAGE]]));
    let height = pages.next_power_of_two().trailing_zeros();
    let root = Range { parts, first, last, zero }.node(reader, height, 0)?;
    Ok(hash(Tag::Data, &[&pages.to_le_bytes(), &root]))
}

/// Pages whose content is known.
struct Range<'a> {
    /// One behind the other they are the pages.
    parts: [&'a [u8]; 3],
    first: u32,
    last: u32,
    /// The hashes of subtrees of zeros, by height.
    zero: [Hash; MAX_PAGES.trailing_zeros() as usize + 1],
}

impl Range<'_> {
    /// The hash of the node of a height with this number in its level. At most 20 calls deep.
    fn node(&self, reader: &mut Reader<'_>, height: u32, index: u32) -> Result<Hash, ProofError> {
        let first = u64::from(index) << height;
        let last = first + (1 << height) - 1;
        if last < u64::from(self.first) || first > u64::from(self.last) {
            return reader.sibling(&self.zero[height as usize]);
        }
        if height == 0 {
            return Ok(self.page(index - self.first));
        }
        let left = self.node(reader, height - 1, 2 * index)?;
        let right = self.node(reader, height - 1, 2 * index + 1)?;
        Ok(hash(Tag::DataNode, &[&left, &right]))
    }

    /// The hash of one of the pages.
    fn page(&self, number: u32) -> Hash {
        let (mut skip, mut left) = (number as usize * PAGE, PAGE);
        let of_page = self.parts.map(|part| {
            let start = skip.min(part.len());
            let end = part.len().min(start + left);
            skip -= start;
            left -= end - start;
            &part[start..end]
        });
        hash(Tag::Page, &of_page)
    }
}
