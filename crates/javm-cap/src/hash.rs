//! Hashes: BLAKE2b-256 with a domain tag in front, and the caches that nodes keep of them.

use core::fmt;
use core::str::FromStr;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use blake2b_simd::{Params, State};
use thiserror::Error;

use crate::many::{self, BATCH};
use crate::tag::Tag;

/// The bytes of a hash.
pub const HASH_SIZE: usize = 32;

/// A hash of 32 bytes that is not a capability's: of a page, a tree node, a program blob.
pub type Hash = [u8; HASH_SIZE];

/// The hash of a capability: equal exactly when the content is equal, on every machine.
///
/// ```
/// use javm_cap::CapHash;
/// let text = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
/// let hash: CapHash = text.parse()?;
/// assert_eq!(hash.to_string(), text);
/// # Ok::<(), javm_cap::ParseHashError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CapHash(pub Hash);

impl CapHash {
    /// The hash as bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &Hash {
        &self.0
    }
}

impl fmt::Display for CapHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for CapHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<Hash> for CapHash {
    fn from(bytes: Hash) -> CapHash {
        CapHash(bytes)
    }
}

impl AsRef<[u8]> for CapHash {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

/// Why a text is not a hash.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum ParseHashError {
    /// It does not have 64 characters.
    #[error("a hash has 64 hexadecimal digits, not {0} bytes of text")]
    Length(usize),
    /// A character is no hexadecimal digit.
    #[error("the character at byte {0} is not a hexadecimal digit")]
    Digit(usize),
}

impl FromStr for CapHash {
    type Err = ParseHashError;

    /// Reads 64 hexadecimal digits of either case.
    fn from_str(text: &str) -> Result<CapHash, ParseHashError> {
        if text.len() != 2 * HASH_SIZE {
            return Err(ParseHashError::Length(text.len()));
        }
        let mut hash = [0; HASH_SIZE];
        for (index, &byte) in text.as_bytes().iter().enumerate() {
            let digit = char::from(byte).to_digit(16).ok_or(ParseHashError::Digit(index))?;
            hash[index / 2] = hash[index / 2] << 4 | digit as u8;
        }
        Ok(CapHash(hash))
    }
}

/// The hash that 64 lower-case hexadecimal digits stand for. For tables in the source: anything else ends compilation.
pub(crate) const fn hash_from_hex(text: &str) -> Hash {
    const fn digit(byte: u8) -> u8 {
        match byte {
            b'0'..=b'9' => byte - b'0',
            b'a'..=b'f' => byte - b'a' + 10,
            _ => panic!("not a hexadecimal digit"),
        }
    }
    let text = text.as_bytes();
    assert!(text.len() == 2 * HASH_SIZE);
    let mut hash = [0; HASH_SIZE];
    let mut index = 0;
    while index < HASH_SIZE {
        hash[index] = digit(text[2 * index]) << 4 | digit(text[2 * index + 1]);
        index += 1;
    }
    hash
}

pub(crate) fn params() -> Params {
    let mut params = Params::new();
    params.hash_length(HASH_SIZE);
    params
}

pub(crate) fn bytes_of(hash: &blake2b_simd::Hash) -> Hash {
    let mut bytes = [0; HASH_SIZE];
    bytes.copy_from_slice(hash.as_bytes());
    bytes
}

/// A hash that has taken in `tag` and waits for more.
fn begin(tag: Tag) -> State {
    let mut state = params().to_state();
    state.update(&[tag.number()]);
    state
}

/// The hash of `parts`, one behind the other, under `tag`.
pub(crate) fn hash_parts(tag: Tag, parts: &[&[u8]]) -> Hash {
    count::add(tag, 1);
    let mut state = begin(tag);
    for part in parts {
        state.update(part);
    }
    bytes_of(&state.finalize())
}

/// What is hashed of a tree node over its two children.
fn pair_message(tag: Tag, left: &Hash, right: &Hash) -> PairMessage {
    let mut bytes = [0; 1 + 2 * HASH_SIZE];
    bytes[0] = tag.number();
    bytes[1..=HASH_SIZE].copy_from_slice(left);
    bytes[1 + HASH_SIZE..].copy_from_slice(right);
    bytes
}

/// The hash of a tree node over its two children. The most frequent hash there is: one compression.
pub(crate) fn hash_pair(tag: Tag, left: &Hash, right: &Hash) -> Hash {
    hash_message(tag, &pair_message(tag, left, right))
}

/// The hash of a message that begins with `tag`.
pub(crate) fn hash_message(tag: Tag, message: &[u8]) -> Hash {
    let mut hash = [0; HASH_SIZE];
    hash_messages(tag, &[message], |_, found| hash = found);
    hash
}

/// What is hashed of a tree node, its children to be filled in.
pub(crate) type PairMessage = [u8; 1 + 2 * HASH_SIZE];

/// The hashes of at most [`BATCH`] messages of one length, which begin with `tag`, handed to `done` with their number.
///
/// Whole messages, as what is hashed in pieces has its last block hashed alone.
pub(crate) fn hash_messages<M: AsRef<[u8]>>(tag: Tag, messages: &[M], mut done: impl FnMut(usize, Hash)) {
    debug_assert!(messages.iter().all(|message| message.as_ref()[0] == tag.number()));
    count::add(tag, messages.len());
    let mut hashes = [[0; HASH_SIZE]; BATCH];
    let slices: [_; BATCH] = core::array::from_fn(|index| messages.get(index).map_or(&[][..], AsRef::as_ref));
    many::hash(&slices[..messages.len()], &mut hashes[..messages.len()]);
    hashes[..messages.len()].iter().enumerate().for_each(|(index, hash)| done(index, *hash));
}

/// How many messages were hashed, for tests that promise so many.
pub(crate) mod count {
    use super::Tag;

    #[cfg(not(test))]
    #[inline]
    pub(super) fn add(_: Tag, _: usize) {}

    #[cfg(test)]
    pub(super) use counted::add;
    #[cfg(test)]
    pub(crate) use counted::of;

    #[cfg(test)]
    mod counted {
        use std::cell::RefCell;
        use std::collections::BTreeMap;
        use std::thread_local;

        use super::Tag;

        thread_local!(static COUNTS: RefCell<BTreeMap<Tag, usize>> = const { RefCell::new(BTreeMap::new()) });

        pub(in crate::hash) fn add(tag: Tag, count: usize) {
            COUNTS.with_borrow_mut(|counts| *counts.entry(tag).or_default() += count);
        }

        /// The messages that `work` hashes on this thread, by tag.
        pub(crate) fn of(work: impl FnOnce()) -> BTreeMap<Tag, usize> {
            COUNTS.with_borrow_mut(BTreeMap::clear);
            work();
            COUNTS.with_borrow_mut(core::mem::take)
        }
    }
}

/// The remembered hash of a node that may be shared between threads.
///
/// A hash is a function of the node's content, and content changes only through `&mut`, which is when the owner calls
/// [`clear`](HashCache::clear). So all who fill it at the same time store the same words, and whoever sees `ready` sees
/// all four of them.
pub(crate) struct HashCache {
    ready: AtomicBool,
    words: [AtomicU64; 4],
}

impl HashCache {
    pub(crate) const fn empty() -> HashCache {
        HashCache { ready: AtomicBool::new(false), words: [const { AtomicU64::new(0) }; 4] }
    }

    pub(crate) fn is_known(&self) -> bool {
        self.ready.load(Ordering::Acquire)
    }

    pub(crate) fn get(&self) -> Option<Hash> {
        self.is_known().then(|| {
            let mut hash = [0; HASH_SIZE];
            self.copy_to(&mut hash);
            hash
        })
    }

    /// Writes the hash; gives whether it is known. To where it is used at last: a processor waits for words that it has just written if it
    /// reads them again as something wider.
    #[inline]
    pub(crate) fn copy_to(&self, bytes: &mut [u8]) -> bool {
        let is_known = self.is_known();
        for (bytes, word) in bytes.chunks_exact_mut(8).zip(&self.words) {
            bytes.copy_from_slice(&word.load(Ordering::Relaxed).to_le_bytes());
        }
        is_known
    }

    pub(crate) fn fill(&self, hash: &Hash) {
        for (bytes, word) in hash.chunks_exact(8).zip(&self.words) {
            let mut value = [0; 8];
            value.copy_from_slice(bytes);
            word.store(u64::from_le_bytes(value), Ordering::Relaxed);
        }
        self.ready.store(true, Ordering::Release);
    }

    pub(crate) fn get_or_fill(&self, compute: impl FnOnce() -> Hash) -> Hash {
        self.get().unwrap_or_else(|| {
            let hash = compute();
            self.fill(&hash);
            hash
        })
    }

    pub(crate) fn clear(&mut self) {
        *self.ready.get_mut() = false;
    }

    /// The same for a node of the same content.
    pub(crate) fn copied(&self) -> HashCache {
        let copy = HashCache::empty();
        self.get().iter().for_each(|hash| copy.fill(hash));
        copy
    }
}

/// A node is copied in order to be changed: its copy does not know its hash.
impl Clone for HashCache {
    fn clone(&self) -> HashCache {
        HashCache::empty()
    }
}
