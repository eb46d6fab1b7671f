//! The scratchpad: bytes that travel with a call, mapped where the linker put them.
//!
//! It is handed out from its start, last in, first out: the arguments of a call first, if they stand there, then whatever
//! the program takes. What is left is where log lines are written and hashed bytes are put. The kernel does not know
//! about this order; it is how safe code shares one piece of memory.

use core::ops::{Deref, DerefMut, Range};

use crate::hash::Algorithm;
use crate::machine::{self, per_call};
use crate::{Status, log};

per_call! {
    // How many bytes at the start are in somebody's hands.
    static TAKEN: usize;
}

/// A part of the scratchpad that nobody else has. It goes back when this is dropped.
///
/// ```
/// use javm_guest::{Scratchpad, hash};
/// # javm_guest::test::set_scratchpad(&[b"abc".as_slice(), &[0; 61]].concat());
/// // What the caller has put there, "abc", and room for a digest behind it.
/// let mut scratchpad = Scratchpad::take(64).ok_or("this program has too little scratchpad")?;
/// scratchpad.hash(hash::Algorithm::Sha256, 0..3, 32)?;
/// assert_eq!(scratchpad[32..36], [0xba, 0x78, 0x16, 0xbf]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Scratchpad {
    start: usize,
    length: usize,
}

impl Scratchpad {
    /// The bytes of it that this program maps: what [`memory!`](crate::memory) says, in whole pages.
    ///
    /// A caller may give less. An access beyond that faults, which ends the call.
    #[must_use]
    pub fn mapped() -> usize {
        machine::scratchpad().len()
    }

    /// The next `length` bytes; `None` if fewer are left. In an endpoint whose arguments are in registers the first bytes
    /// taken are the first of the scratchpad, with what the caller has put there.
    #[must_use]
    pub fn take(length: usize) -> Option<Scratchpad> {
        let start = TAKEN.get();
        if length > Scratchpad::mapped().saturating_sub(start) {
            return None;
        }
        TAKEN.set(start + length);
        Some(Scratchpad { start, length })
    }

    /// All bytes that are left. No line can be logged while somebody has them, except by [`Scratchpad::log`].
    #[must_use]
    pub fn take_rest() -> Scratchpad {
        let start = TAKEN.get();
        let mapped = Scratchpad::mapped();
        TAKEN.set(mapped);
        Scratchpad { start, length: mapped.saturating_sub(start) }
    }

    /// All bytes, whoever has them: for the last words of a call and for its result, after which nobody comes back to
    /// what it had.
    pub(crate) fn everything() -> Scratchpad {
        TAKEN.set(0);
        Scratchpad::take_rest()
    }

    /// Where it starts, counted from the start of the scratchpad: what services call an offset.
    #[must_use]
    pub fn offset(&self) -> usize {
        self.start
    }

    /// Logs some of its bytes under `topic`. The result is the number of entries of the call before.
    ///
    /// # Errors
    /// [`Status::EMPTY`] without LOG, [`Status::RANGE`] for bytes that are not there or that the caller has not given,
    /// [`Status::QUOTA`] when the log is full.
    pub fn log(&self, bytes: Range<usize>, topic: u64) -> Result<u64, Status> {
        self.check(&bytes)?;
        log::bytes((self.start + bytes.start) as u64, bytes.len() as u64, topic)
    }

    /// Hashes some of its bytes, and puts the 32 bytes of the digest at `to`. The two may overlap.
    ///
    /// # Errors
    /// [`Status::RANGE`] for bytes that are not there, or that the caller has not given.
    pub fn hash(&mut self, algorithm: Algorithm, bytes: Range<usize>, to: usize) -> Result<(), Status> {
        self.check(&bytes)?;
        self.check(&(to..to.saturating_add(crate::hash::DIGEST_BYTES)))?;
        let (offset, to) = (self.start + bytes.start, self.start + to);
        // SAFETY: the digest goes to bytes that are ours, and the caller has lent them to nobody.
        unsafe { crate::hash::service(algorithm, offset as u64, bytes.len() as u64, to as u64) }
    }

    fn check(&self, bytes: &Range<usize>) -> Result<(), Status> {
        let within = bytes.start <= bytes.end && bytes.end <= self.length;
        if within { Ok(()) } else { Err(Status::RANGE) }
    }

    fn place(&self) -> *mut [u8] {
        let start = machine::scratchpad().cast::<u8>().wrapping_add(self.start);
        core::ptr::slice_from_raw_parts_mut(start, self.length)
    }
}

impl Drop for Scratchpad {
    fn drop(&mut self) {
        // Who gives back in another order than it took loses the use of the bytes until the call ends.
        if TAKEN.get() == self.start + self.length {
            TAKEN.set(self.start);
        }
    }
}

impl Deref for Scratchpad {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: the bytes are mapped, and from TAKEN until the drop they are this value's alone.
        unsafe { &*self.place() }
    }
}

impl DerefMut for Scratchpad {
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: the bytes are mapped, and from TAKEN until the drop they are this value's alone.
        unsafe { &mut *self.place() }
    }
}

/// Where bytes stand in the scratchpad, if they do.
pub(crate) fn offset_of(bytes: &[u8]) -> Option<usize> {
    let offset = bytes.as_ptr().addr().wrapping_sub(machine::scratchpad().cast::<u8>().addr());
    let mapped = Scratchpad::mapped();
    (offset <= mapped && bytes.len() <= mapped - offset).then_some(offset)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_handed_out_from_the_start_and_taken_back_from_the_end() {
        crate::test::set_scratchpad(b"0123456789");
        assert_eq!(Scratchpad::mapped(), 10);
        let first = Scratchpad::take(4).expect("there are 10");
        assert_eq!((&*first, first.offset()), (b"0123".as_slice(), 0));
        assert!(Scratchpad::take(7).is_none(), "only 6 are left");
        {
            let mut second = Scratchpad::take_rest();
            assert_eq!((&*second, second.offset()), (b"456789".as_slice(), 4));
            second[0] = b'x';
            assert_eq!(Scratchpad::take_rest().len(), 0);
        }
        let second = Scratchpad::take(1).expect("they were given back");
        assert_eq!(&*second, b"x");
        // In the other order they stay taken.
        drop(first);
        drop(second);
        assert_eq!(Scratchpad::take_rest().offset(), 4);
    }

    #[test]
    fn ranges_are_those_of_the_part() {
        crate::test::set_scratchpad(b"0123456789");
        let first = Scratchpad::take(4).expect("there are 10");
        let second = Scratchpad::take(4).expect("there are 6");
        assert_eq!(second.log(1..3, 7), Ok(0));
        assert_eq!(crate::test::entries(), [(7, b"56".to_vec())]);
        assert_eq!(second.log(3..5, 0), Err(Status::RANGE), "the scratchpad has more, the part has not");
        #[expect(clippy::reversed_empty_ranges, reason = "that is what is tried")]
        let reversed = second.log(3..2, 0);
        assert_eq!(reversed, Err(Status::RANGE));
        assert_eq!((offset_of(&second[1..]), offset_of(b"elsewhere")), (Some(5), None));
        drop((second, first));
    }

    #[test]
    fn a_digest_may_overlap_what_it_is_of() {
        crate::test::set_scratchpad(&[b"abc".as_slice(), &[0; 61]].concat());
        let mut pad = Scratchpad::take_rest();
        assert_eq!(pad.hash(Algorithm::Keccak256, 0..3, 33), Err(Status::RANGE));
        assert_eq!(pad.hash(Algorithm::Keccak256, 0..3, usize::MAX), Err(Status::RANGE));
        assert_eq!(pad.hash(Algorithm::Keccak256, 0..3, 0), Ok(()));
        assert_eq!(pad[..4], [0x4e, 0x03, 0x65, 0x7a]);
    }
}
