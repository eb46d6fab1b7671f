//! What is mapped where in an address space: bookkeeping that every machine needs, whatever its memory is made of.

use alloc::vec::Vec;

use javm_cap::{Access, Data, PageRef};

/// Where the pages of a region come from while they have not been written to.
#[derive(Clone, Debug)]
pub enum Source {
    /// The pages of a Data, counted from this one on.
    Data {
        /// The Data.
        data: Data,
        /// The page of it that the region's first page shows.
        offset: u32,
    },
    /// Pages of zeros.
    Zero,
}

/// A range of pages with one source and one access right.
#[derive(Clone, Debug)]
pub struct Region {
    first: u32,
    end: u32,
    access: Access,
    source: Source,
}

impl Region {
    /// What a program may do there.
    #[must_use]
    #[inline]
    pub fn access(&self) -> Access {
        self.access
    }

    /// Whether its pages are zeros.
    #[must_use]
    #[inline]
    pub fn is_zero(&self) -> bool {
        matches!(self.source, Source::Zero)
    }

    /// The page as it was mapped; `None` reads as zeros. `page` lies in the region.
    #[must_use]
    #[inline]
    pub fn original(&self, page: u32) -> Option<&PageRef> {
        match &self.source {
            Source::Data { data, offset } => data.page(page - self.first + offset),
            Source::Zero => None,
        }
    }

    /// The part of it from `page` on.
    fn tail(&self, page: u32) -> Region {
        let source = match &self.source {
            Source::Data { data, offset } => Source::Data { data: data.clone(), offset: offset + (page - self.first) },
            Source::Zero => Source::Zero,
        };
        Region { first: page, end: self.end, access: self.access, source }
    }
}

/// The regions of an address space: in ascending order, never overlapping.
#[derive(Clone, Default, Debug)]
pub struct Regions {
    regions: Vec<Region>,
}

impl Regions {
    /// The region that a page lies in.
    #[must_use]
    #[inline]
    pub fn find(&self, page: u32) -> Option<&Region> {
        let index = self.regions.partition_point(|region| region.end <= page);
        self.regions.get(index).filter(|region| region.first <= page)
    }

    /// The regions of a range, cut so that none of them reaches out of it.
    fn cut(&mut self, first: u32, end: u32) -> core::ops::Range<usize> {
        for page in [first, end] {
            let index = self.regions.partition_point(|region| region.end <= page);
            if let Some(region) = self.regions.get_mut(index)
                && region.first < page
            {
                let tail = region.tail(page);
                region.end = page;
                self.regions.insert(index + 1, tail);
            }
        }
        let start = self.regions.partition_point(|region| region.end <= first);
        start..start + self.regions[start..].partition_point(|region| region.first < end)
    }

    /// Makes `first..end` one region, in place of what was there.
    pub fn map(&mut self, first: u32, end: u32, access: Access, source: Source) {
        self.unmap(first, end);
        if first < end {
            let index = self.regions.partition_point(|region| region.end <= first);
            self.regions.insert(index, Region { first, end, access, source });
        }
    }

    /// Makes `first..end` part of no region. Gives whether it was part of any.
    pub fn unmap(&mut self, first: u32, end: u32) -> bool {
        // Spaces are mostly mapped from low to high.
        if first >= end || self.regions.last().is_none_or(|last| last.end <= first) {
            return false;
        }
        let gone = self.cut(first, end);
        let any = !gone.is_empty();
        self.regions.drain(gone);
        any
    }

    /// Changes the access right of what is mapped in `first..end`.
    pub fn set_access(&mut self, first: u32, end: u32, access: Access) {
        if first < end {
            let range = self.cut(first, end);
            self.regions[range].iter_mut().for_each(|region| region.access = access);
        }
    }

    /// Unmaps everything.
    pub fn clear(&mut self) {
        self.regions.clear();
    }
}
