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
    /// Its pages.
    #[must_use]
    #[inline]
    pub fn pages(&self) -> core::ops::Range<u32> {
        self.first..self.end
    }

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

    /// The Data that it shows a part of.
    #[must_use]
    #[inline]
    pub fn data(&self) -> Option<&Data> {
        match &self.source {
            Source::Data { data, .. } => Some(data),
            Source::Zero => None,
        }
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

    /// The region that a page lies in, or the first one behind it.
    #[must_use]
    pub fn next(&self, page: u32) -> Option<&Region> {
        self.regions.get(self.regions.partition_point(|region| region.end <= page))
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
        if first >= end {
            return;
        }
        let mut index = self.regions.partition_point(|region| region.end <= first);
        if self.regions.get(index).is_some_and(|region| region.first < end) {
            let gone = self.cut(first, end);
            index = gone.start;
            self.regions.drain(gone);
        }
        self.regions.insert(index, Region { first, end, access, source });
    }

    /// Makes `first..end` part of no region. Gives whether it was part of any.
    pub fn unmap(&mut self, first: u32, end: u32) -> bool {
        if first >= end {
            return false;
        }
        let index = self.regions.partition_point(|region| region.end <= first);
        match self.regions.get(index) {
            Some(region) if (region.first, region.end) == (first, end) => {
                self.regions.remove(index);
                return true;
            }
            Some(region) if region.first < end => {}
            _ => return false,
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

    /// The Data of each region of a range that shows one. Which region shows which of its pages stays as it is.
    pub fn data_mut(&mut self, first: u32, end: u32) -> impl Iterator<Item = &mut Data> {
        let start = self.regions.partition_point(|region| region.end <= first);
        let regions = self.regions[start..].iter_mut().take_while(move |region| region.first < end);
        regions.filter_map(|region| match &mut region.source {
            Source::Data { data, .. } => Some(data),
            Source::Zero => None,
        })
    }

    /// Unmaps everything.
    pub fn clear(&mut self) {
        self.regions.clear();
    }
}

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeMap;
    use alloc::vec::Vec;

    use proptest::prelude::*;

    use super::*;

    const PAGES: u32 = 24;

    #[derive(Clone, Debug)]
    enum Step {
        Map { first: u32, end: u32, access: Access, offset: Option<u32> },
        Unmap { first: u32, end: u32 },
        SetAccess { first: u32, end: u32, access: Access },
        Clear,
    }

    fn step() -> impl Strategy<Value = Step> {
        let range = || (0..=PAGES, 0..=PAGES);
        let access = || prop_oneof![Just(Access::ReadOnly), Just(Access::ReadWrite)];
        prop_oneof![
            6 => (range(), access(), prop::option::of(0..PAGES))
                .prop_map(|((first, end), access, offset)| Step::Map { first, end, access, offset }),
            3 => range().prop_map(|(first, end)| Step::Unmap { first, end }),
            3 => (range(), access()).prop_map(|((first, end), access)| Step::SetAccess { first, end, access }),
            1 => Just(Step::Clear),
        ]
    }

    /// A Data whose page `n` begins with `n + 1`.
    fn data() -> Data {
        let mut data = Data::new(2 * PAGES).expect("small");
        for page in 0..2 * PAGES {
            data.page_mut(page).expect("it is there")[0] = page as u8 + 1;
        }
        data
    }

    proptest! {
        /// Page by page, regions are what the same steps make of a table of pages.
        #[test]
        fn regions_are_what_a_table_of_pages_is(steps in prop::collection::vec(step(), 1..60)) {
            let data = data();
            let mut regions = Regions::default();
            // The access right, and the number that the page begins with: 0 for zeros.
            let mut model: BTreeMap<u32, (Access, u8)> = BTreeMap::new();
            for step in steps {
                match step {
                    Step::Map { first, end, access, offset } => {
                        let source = match offset {
                            Some(offset) => Source::Data { data: data.clone(), offset },
                            None => Source::Zero,
                        };
                        regions.map(first, end, access, source);
                        for page in first..end {
                            let number = offset.map_or(0, |offset| (page - first + offset) as u8 + 1);
                            model.insert(page, (access, number));
                        }
                    }
                    Step::Unmap { first, end } => {
                        let any = (first..end).filter(|page| model.remove(page).is_some()).count() > 0;
                        prop_assert_eq!(regions.unmap(first, end), any);
                    }
                    Step::SetAccess { first, end, access } => {
                        regions.set_access(first, end, access);
                        if first < end {
                            model.range_mut(first..end).for_each(|(_, page)| page.0 = access);
                        }
                    }
                    Step::Clear => {
                        regions.clear();
                        model.clear();
                    }
                }
                for page in 0..PAGES + 2 {
                    let found = regions.find(page);
                    let seen = found.map(|region| {
                        (region.access(), region.original(page).map_or(0, |content| content[0]))
                    });
                    prop_assert_eq!(seen, model.get(&page).copied(), "page {}", page);
                    prop_assert!(found.is_none_or(|region| region.pages().contains(&page)));
                    let next = model.range(page..).next().map(|(&page, _)| page);
                    prop_assert_eq!(regions.next(page).map(|region| region.pages().start.max(page)), next);
                }
                let mut all = Vec::new();
                let mut from = 0;
                while let Some(region) = regions.next(from) {
                    prop_assert!(region.pages().start >= from && !region.pages().is_empty());
                    prop_assert_eq!(region.is_zero(), region.original(region.pages().start).is_none());
                    from = region.pages().end;
                    all.extend(region.pages());
                }
                prop_assert!(all.iter().eq(model.keys()), "they are those pages, each in one region");
            }
        }
    }
}
