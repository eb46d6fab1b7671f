//! What is hashed, as `docs/spec/hashes.md` says it.

/// A hash, of a capability or of a node.
pub type Hash = [u8; 32];

/// The first byte of each message.
#[derive(Clone, Copy)]
#[repr(u8)]
pub(crate) enum Tag {
    Page = 0x00,
    DataNode = 0x01,
    CNodeNode = 0x02,
    Data = 0x10,
    CNode = 0x11,
    Instance = 0x14,
}

/// The hash of `parts`, one behind the other, under a tag.
pub(crate) fn hash(tag: Tag, parts: &[&[u8]]) -> Hash {
    let mut state = blake2b_simd::Params::new().hash_length(32).to_state();
    state.update(&[tag as u8]);
    for part in parts {
        state.update(part);
    }
    let mut bytes = [0; 32];
    bytes.copy_from_slice(state.finalize().as_bytes());
    bytes
}

/// The hashes of subtrees with nothing in them, by height, from that of a leaf on.
pub(crate) fn nothing<const HEIGHTS: usize>(node: Tag, leaf: Hash) -> [Hash; HEIGHTS] {
    let mut hashes = [leaf; HEIGHTS];
    for height in 1..HEIGHTS {
        let below = hashes[height - 1];
        hashes[height] = hash(node, &[&below, &below]);
    }
    hashes
}
