//! What is random in a kernel: all of it from one seed, which the host gives at boot. None of it ever reaches state, a
//! result, or anything else that a program or another machine could see.

use core::fmt;
use core::hash::{BuildHasher, Hasher};

use chacha20::ChaCha20Rng;
use chacha20::rand_core::{Rng as _, SeedableRng as _};
use siphasher::sip::SipHasher13;

/// What a machine gives its kernel to begin with.
pub type Seed = [u8; 32];

/// The kernel's generator: ChaCha20.
pub struct Generator(ChaCha20Rng);

impl Generator {
    /// The generator of this seed.
    #[must_use]
    pub fn new(seed: Seed) -> Generator {
        Generator(ChaCha20Rng::from_seed(seed))
    }

    /// The next 64 bits.
    pub fn word(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// The key of another hash map.
    pub fn key(&mut self) -> HashKey {
        HashKey([self.word(), self.word()])
    }
}

/// It does not tell what comes next.
impl fmt::Debug for Generator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Generator")
    }
}

/// The key of a hash map whose keys others choose: with it nobody outside can tell which of them collide. SipHash-1-3.
/// Maps of this kind are for looking things up; nothing may go by their order.
#[derive(Clone)]
pub struct HashKey([u64; 2]);

impl BuildHasher for HashKey {
    type Hasher = KeyedHasher;

    fn build_hasher(&self) -> KeyedHasher {
        KeyedHasher(SipHasher13::new_with_keys(self.0[0], self.0[1]))
    }
}

impl fmt::Debug for HashKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HashKey")
    }
}

/// SipHash-1-3 under a [`HashKey`].
#[derive(Clone)]
pub struct KeyedHasher(SipHasher13);

impl Hasher for KeyedHasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0.write(bytes);
    }

    fn finish(&self) -> u64 {
        self.0.finish()
    }
}

impl fmt::Debug for KeyedHasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyedHasher")
    }
}

/// A hash map under a key of the kernel's.
pub(crate) type KeyedMap<K, V> = hashbrown::HashMap<K, V, HashKey>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_generator_is_chacha20() {
        // The first block of the key stream for a key and a nonce of zeros (RFC 8439, appendix A.1).
        let mut generator = Generator::new([0; 32]);
        let expected = [0x76b8_e0ad_a0f1_3d90_u64, 0x405d_6ae5_5386_bd28, 0xbdd2_19b8_a08d_ed1a, 0xa836_efcc_8b77_0dc7];
        assert_eq!(expected.map(u64::swap_bytes), [(); 4].map(|()| generator.word()));
    }

    #[test]
    fn a_key_is_siphash_1_3_and_another_key_another_hash() {
        let hash = |seed| Generator::new([seed; 32]).key().hash_one([1u8; 32]);
        assert_eq!(hash(1), hash(1));
        assert_ne!(hash(1), hash(2));
        let HashKey([first, second]) = Generator::new([3; 32]).key();
        let mut sip = SipHasher13::new_with_keys(first, second);
        sip.write(b"bytes");
        let mut keyed = HashKey([first, second]).build_hasher();
        keyed.write(b"bytes");
        assert_eq!(keyed.finish(), sip.finish());
    }
}
