//! Bytes as a sequence of choices.

/// Reads choices from bytes. When they have run out every further choice is zero.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    rest: &'a [u8],
}

impl<'a> Input<'a> {
    /// From the first byte on.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Input<'a> {
        Input { rest: bytes }
    }

    /// Whether no bytes are left.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The bytes that are left.
    #[must_use]
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    fn array<const N: usize>(&mut self) -> [u8; N] {
        let (taken, rest) = self.rest.split_at(N.min(self.rest.len()));
        self.rest = rest;
        let mut array = [0; N];
        array[..taken.len()].copy_from_slice(taken);
        array
    }

    /// One byte.
    pub fn u8(&mut self) -> u8 {
        self.array::<1>()[0]
    }

    /// Two bytes, little-endian.
    pub fn u16(&mut self) -> u16 {
        u16::from_le_bytes(self.array())
    }

    /// Eight bytes, little-endian.
    pub fn u64(&mut self) -> u64 {
        u64::from_le_bytes(self.array())
    }

    /// A number below `count`, which is 1 to 256, from one byte.
    pub fn below(&mut self, count: u16) -> usize {
        usize::from(u16::from(self.u8()) % count.max(1))
    }

    /// One of `choices`, which are 1 to 256, from one byte.
    pub fn choose<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len() as u16)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_follow_the_bytes_and_end_in_zeros() {
        let mut input = Input::new(&[7, 1, 2, 3, 0xFF]);
        assert_eq!((input.below(5), input.u16(), input.choose(&[10, 20])), (2, 0x201, 20));
        assert_eq!(input.rest(), [0xFF]);
        assert_eq!(input.u64(), 0xFF);
        assert!(input.is_empty());
        assert_eq!((input.u8(), input.below(3)), (0, 0));
    }
}
