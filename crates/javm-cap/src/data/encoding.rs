//! The sparse encoding of a Data, `docs/spec/data.md`.

use alloc::vec::Vec;

use super::{Data, MAX_DATA_PAGES, Tree, height};
use crate::changes::Changes;
use crate::decode::{DecodeError, DecodeErrorReason, Reader};
use crate::page::{PAGE_SIZE, PageRef};

/// The pages that are not all zero, with the number of their bytes up to the last one that is not zero.
fn used_pages(data: &Data) -> impl Iterator<Item = (u32, &PageRef, usize)> + '_ {
    data.stored_pages().map(|(index, page)| (index, page, page.used())).filter(|&(_, _, used)| used > 0)
}

impl Data {
    /// How many of its pages are not all zero.
    #[must_use]
    pub fn used_pages(&self) -> u32 {
        used_pages(self).count() as u32
    }

    /// Its bytes up to the last one that is not zero.
    #[must_use]
    pub fn used_bytes(&self) -> Vec<u8> {
        let length = used_pages(self).last().map_or(0, |(index, _, used)| index as usize * PAGE_SIZE + used);
        let mut bytes = Vec::with_capacity(length);
        for (index, page, used) in used_pages(self) {
            bytes.resize(index as usize * PAGE_SIZE, 0);
            bytes.extend_from_slice(&page[..used]);
        }
        bytes
    }

    /// Its canonical encoding: equal for equal Data.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        out.extend_from_slice(&self.pages().to_le_bytes());
        self.encode_content(&mut out);
        out
    }

    /// Appends the encoding of its content, without the length.
    pub(crate) fn encode_content(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.used_pages().to_le_bytes());
        for (index, page, used) in used_pages(self) {
            out.extend_from_slice(&index.to_le_bytes());
            out.extend_from_slice(&(used as u16).to_le_bytes());
            out.extend_from_slice(&page[..used]);
        }
    }

    /// The bytes of the encoding of its content.
    pub(crate) fn content_length(&self) -> usize {
        4 + used_pages(self).map(|(_, _, used)| 6 + used).sum::<usize>()
    }

    /// Reads what [`encode`](Data::encode) wrote. A page takes 4096 bytes of memory though its encoding may have seven:
    /// the caller says how many pages he will hold.
    ///
    /// # Errors
    /// [`DecodeError`] for bytes that are no canonical encoding or hold more than `max_stored` pages.
    pub fn decode(bytes: &[u8], max_stored: u32) -> Result<Data, DecodeError> {
        let mut reader = Reader::new(bytes);
        let pages = reader.u32("pages")?;
        if pages > MAX_DATA_PAGES {
            let reason = DecodeErrorReason::TooLarge { found: pages.into(), limit: MAX_DATA_PAGES.into() };
            return Err(DecodeError::new(0, "pages", reason));
        }
        let (data, _) = Data::decode_content(&mut reader, pages, max_stored)?;
        reader.end()?;
        Ok(data)
    }

    /// Reads the content of a Data of `pages` pages, at most [`MAX_DATA_PAGES`], and says how many it stores.
    pub(crate) fn decode_content(reader: &mut Reader, pages: u32, max_stored: u32) -> Result<(Data, u32), DecodeError> {
        let mut data = Data { pages, changes: Changes::NONE, tree: Tree::Empty };
        let stored = read_content(reader, pages, max_stored, |index, content| {
            data.tree.insert(height(pages), index, PageRef::from_prefix(content));
        })?;
        Ok((data, stored))
    }

    /// Reads over the content of a Data of `pages` pages, and says how many it stores.
    pub(crate) fn skip_content(reader: &mut Reader, pages: u32, max_stored: u32) -> Result<u32, DecodeError> {
        read_content(reader, pages, max_stored, |_, _| {})
    }
}

/// Reads the pages of a content in order, and says how many there are.
fn read_content(
    reader: &mut Reader,
    pages: u32,
    max_stored: u32,
    mut take: impl FnMut(u32, &[u8]),
) -> Result<u32, DecodeError> {
    let start = reader.offset();
    let stored = reader.u32("stored pages")?;
    let limit = max_stored.min(pages);
    if stored > limit {
        let reason = DecodeErrorReason::TooLarge { found: stored.into(), limit: limit.into() };
        return Err(DecodeError::new(start, "stored pages", reason));
    }
    let mut previous = None;
    for entry in 0..stored {
        let field = |name| ("stored page", entry, name);
        let start = reader.offset();
        let index = reader.u32(field("index"))?;
        if let Some(previous) = previous
            && index <= previous
        {
            let reason = DecodeErrorReason::Order { previous: previous.into(), found: index.into() };
            return Err(DecodeError::new(start, field("index"), reason));
        }
        if index >= pages {
            let reason = DecodeErrorReason::TooLarge { found: index.into(), limit: u64::from(pages) - 1 };
            return Err(DecodeError::new(start, field("index"), reason));
        }
        previous = Some(index);
        let start = reader.offset();
        let used = reader.u16(field("length"))?;
        if usize::from(used) > PAGE_SIZE {
            let reason = DecodeErrorReason::TooLarge { found: used.into(), limit: PAGE_SIZE as u64 };
            return Err(DecodeError::new(start, field("length"), reason));
        }
        let content = reader.bytes(field("bytes"), usize::from(used))?;
        match content.last() {
            // No bytes at all: the page is all zero and must not be listed.
            None => return Err(DecodeError::new(start, field("length"), DecodeErrorReason::ListedZero)),
            Some(0) => {
                return Err(DecodeError::new(reader.offset() - 1, field("bytes"), DecodeErrorReason::SpareZero));
            }
            Some(_) => take(index, content),
        }
    }
    Ok(stored)
}
