//! Ranges of bytes, page by page.

use javm_cap::PAGE_SIZE;

/// The pages that a range of bytes touches: index, offset in the page, range of the buffer.
pub(crate) fn pages_of(offset: u64, length: usize) -> impl Iterator<Item = (u32, usize, core::ops::Range<usize>)> {
    let mut done = 0;
    core::iter::from_fn(move || {
        if done == length {
            return None;
        }
        let at = offset + done as u64;
        let (index, start) = ((at / PAGE_SIZE as u64) as u32, (at % PAGE_SIZE as u64) as usize);
        let end = length.min(done + PAGE_SIZE - start);
        let part = done..end;
        done = end;
        Some((index, start, part))
    })
}
