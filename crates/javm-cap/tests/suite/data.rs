//! Data against a plain vector of bytes.

use std::collections::BTreeMap;

use javm_cap::{Data, DataError, MAX_DATA_PAGES, PAGE_SIZE, PageRef};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::fixtures::{config, naive_data_hash};

#[derive(Clone, Debug)]
enum Step {
    Write {
        offset: u64,
        bytes: Vec<u8>,
    },
    SetPage {
        index: u32,
        fill: u8,
    },
    ClearPage(u32),
    Touch {
        index: u32,
        at: usize,
        value: u8,
    },
    Resize(u32),
    /// Keep a copy, which nothing that follows may change.
    Copy,
    /// Fill the caches, which everything that follows must clear.
    Hash,
}

const MOST_PAGES: u32 = 21;

fn step() -> impl Strategy<Value = Step> {
    let size = u64::from(MOST_PAGES) * PAGE_SIZE as u64;
    let content = prop_oneof![vec(any::<u8>(), 0..40), vec(Just(0), 0..9000), vec(1..3u8, 4000..9000)];
    prop_oneof![
        4 => (0..size, content).prop_map(|(offset, bytes)| Step::Write { offset, bytes }),
        1 => (0..MOST_PAGES, 0..2u8).prop_map(|(index, fill)| Step::SetPage { index, fill }),
        1 => (0..MOST_PAGES).prop_map(Step::ClearPage),
        2 => (0..MOST_PAGES, 0..PAGE_SIZE, 0..2u8).prop_map(|(index, at, value)| Step::Touch { index, at, value }),
        1 => (0..=MOST_PAGES).prop_map(Step::Resize),
        1 => Just(Step::Copy),
        1 => Just(Step::Hash),
    ]
}

/// Does the same to both; where the model says that it is not possible, the Data must refuse and stay as it is.
fn apply(step: &Step, data: &mut Data, model: &mut Vec<u8>) {
    let pages = data.pages();
    let page_range = |index: u32| index as usize * PAGE_SIZE..(index as usize + 1) * PAGE_SIZE;
    let no_page = |index| Err(DataError::NoPage { index, pages });
    match step {
        Step::Write { offset, bytes } => {
            let range = *offset as usize..*offset as usize + bytes.len();
            match model.get_mut(range) {
                Some(place) => {
                    place.copy_from_slice(bytes);
                    assert_eq!(data.write(*offset, bytes), Ok(()));
                }
                None => {
                    let length = bytes.len() as u64;
                    assert_eq!(data.write(*offset, bytes), Err(DataError::NoRange { offset: *offset, length, pages }));
                }
            }
        }
        &Step::SetPage { index, fill } => {
            let page = PageRef::from(&[fill; PAGE_SIZE]);
            if index < pages {
                model[page_range(index)].fill(fill);
                assert_eq!(data.set_page(index, page), Ok(()));
            } else {
                assert_eq!(data.set_page(index, page), no_page(index));
            }
        }
        &Step::ClearPage(index) => {
            if index < pages {
                model[page_range(index)].fill(0);
                assert_eq!(data.clear_page(index), Ok(()));
            } else {
                assert_eq!(data.clear_page(index), no_page(index));
            }
        }
        &Step::Touch { index, at, value } => {
            if index < pages {
                model[page_range(index)][at] = value;
                data.page_mut(index).expect("inside")[at] = value;
            } else {
                assert_eq!(data.page_mut(index).map(|_| ()), no_page(index));
            }
        }
        &Step::Resize(pages) => {
            model.resize(pages as usize * PAGE_SIZE, 0);
            assert_eq!(data.resize(pages), Ok(()));
        }
        Step::Copy | Step::Hash => {}
    }
}

fn pages_of(model: &[u8]) -> BTreeMap<u32, Vec<u8>> {
    (0..).zip(model.chunks(PAGE_SIZE).map(<[u8]>::to_vec)).collect()
}

fn check(data: &Data, model: &[u8]) -> Result<(), TestCaseError> {
    prop_assert_eq!(data.size(), model.len() as u64);
    let mut content = vec![0xAA; model.len()];
    prop_assert_eq!(data.read(0, &mut content), Ok(()));
    prop_assert!(content == model, "the content differs");
    prop_assert_eq!(data.hash(), naive_data_hash(data.pages(), &pages_of(model)));
    let fresh = Data::from_bytes(model).expect("short enough");
    prop_assert_eq!(data.encode(), fresh.encode());
    prop_assert_eq!(data, &fresh);
    let used = model.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
    prop_assert!(data.used_bytes() == model[..used], "the bytes up to the last that is not zero differ");
    let decoded = Data::decode(&data.encode(), MOST_PAGES);
    prop_assert_eq!(decoded.as_ref(), Ok(data));
    Ok(())
}

proptest! {
    #![proptest_config(config(300))]

    #[test]
    fn data_is_a_vector_of_bytes_whose_copies_stay_as_they_are(
        first in 0..=MOST_PAGES,
        steps in vec(step(), 0..40),
    ) {
        let mut data = Data::new(first).expect("short enough");
        let mut model = vec![0; first as usize * PAGE_SIZE];
        let mut copies = Vec::new();
        for step in &steps {
            apply(step, &mut data, &mut model);
            match step {
                Step::Copy => copies.push((data.clone(), model.clone())),
                Step::Hash => prop_assert_eq!(data.hash(), naive_data_hash(data.pages(), &pages_of(&model))),
                _ => {}
            }
        }
        check(&data, &model)?;
        for (copy, model) in &copies {
            check(copy, model)?;
        }
    }

    #[test]
    fn sparse_data_hashes_by_content_whatever_the_order(
        pages in prop_oneof![1..=MAX_DATA_PAGES, Just(MAX_DATA_PAGES), 1..64u32],
        content in vec((any::<u32>(), 0..3u8), 0..12),
        other_order in any::<u64>(),
    ) {
        let content: BTreeMap<u32, u8> = content.into_iter().map(|(index, fill)| (index % pages, fill)).collect();
        let build = |order: Vec<(u32, u8)>| {
            let mut data = Data::new(pages).expect("short enough");
            for (index, fill) in order {
                data.set_page(index, PageRef::from(&[9; PAGE_SIZE])).expect("inside");
                data.set_page(index, PageRef::from(&[fill; PAGE_SIZE])).expect("inside");
            }
            data
        };
        let in_order: Vec<(u32, u8)> = content.clone().into_iter().collect();
        let mut shuffled = in_order.clone();
        shuffled.sort_by_key(|&(index, _)| u64::from(index).wrapping_mul(other_order | 1) >> 7);
        let expected = content.iter().map(|(&index, &fill)| (index, vec![fill; PAGE_SIZE])).collect();
        let (first, second) = (build(in_order), build(shuffled));
        prop_assert_eq!(first.hash(), naive_data_hash(pages, &expected));
        prop_assert_eq!(&first, &second);
        prop_assert_eq!(first.encode(), second.encode());
        prop_assert_eq!(first.used_pages() as usize, content.values().filter(|&&fill| fill != 0).count());
    }

    #[test]
    fn a_changed_encoding_of_data_is_refused_or_canonical(
        bytes in vec(any::<u8>(), 0..3000),
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut encoding = Data::from_bytes(&bytes).expect("short").encode();
        let whole = encoding.len();
        prop_assert!(Data::decode(&encoding[..cut.index(whole)], 4).is_err());
        for (place, value) in changes {
            let place = place.index(whole);
            encoding[place] = value;
        }
        match Data::decode(&encoding, 4) {
            Ok(data) => prop_assert_eq!(data.encode(), encoding),
            Err(error) => prop_assert!(error.offset <= whole, "{error}"),
        }
    }
}

/// A page of zeros that is held in memory and one that is not are the same to hash, encoding and `==`.
#[test]
fn stored_zeros_are_not_seen() {
    let mut data = Data::new(8).expect("short enough");
    data.page_mut(3).expect("inside")[7] = 1;
    data.page_mut(3).expect("inside")[7] = 0;
    assert!(data.page(3).is_some_and(|page| page.is_zero()), "it is meant to be stored");
    let empty = Data::new(8).expect("short enough");
    assert_eq!((data.hash(), data.encode(), data.used_pages()), (empty.hash(), empty.encode(), 0));
    assert_eq!(data, empty);
}

#[test]
fn lengths_and_ranges_past_the_end_are_refused() {
    let too_long = DataError::TooLong { pages: u64::from(MAX_DATA_PAGES) + 1 };
    assert_eq!(Data::new(MAX_DATA_PAGES + 1), Err(too_long));
    let mut data = Data::new(MAX_DATA_PAGES).expect("as long as possible");
    assert_eq!(data.resize(MAX_DATA_PAGES + 1), Err(too_long));
    assert_eq!(data.write((1 << 32) - 1, &[1]), Ok(()));
    for (offset, length) in [(1 << 32, 1), (u64::MAX, 1), (u64::MAX, 2), ((1 << 32) - 1, 2)] {
        let error = DataError::NoRange { offset, length: length as u64, pages: MAX_DATA_PAGES };
        assert_eq!(data.read(offset, &mut vec![0; length]), Err(error));
        assert_eq!(data.write(offset, &vec![0; length]), Err(error));
    }
    assert_eq!(data.read(1 << 32, &mut []), Ok(()));
    assert!(data.page(MAX_DATA_PAGES).is_none() && data.page(u32::MAX).is_none());
    let error = DataError::NoRange { offset: 5, length: 9, pages: 0 };
    assert_eq!(error.to_string(), "bytes 5 to 5 + 9 are not in a Data of 0 pages (0 bytes)");
}

#[test]
fn a_shared_page_is_the_same_page_in_memory() {
    let page = PageRef::from(&[1; PAGE_SIZE]);
    let mut data = Data::new(4).expect("short enough");
    data.set_page(2, page.clone()).expect("inside");
    let copy = data.clone();
    assert!(copy.page(2).is_some_and(|stored| stored.ptr_eq(&page)));
    data.page_mut(2).expect("inside")[0] = 2;
    assert!(copy.page(2).is_some_and(|stored| stored.ptr_eq(&page)), "the copy keeps it");
    assert!(data.page(2).is_some_and(|stored| !stored.ptr_eq(&page)));
}

/// Hashes are remembered inside of shared nodes: who looks at the same time sees the right one or none.
#[test]
fn threads_that_hash_the_same_data_agree() {
    let content: Vec<u8> = (0..200 * PAGE_SIZE).map(|at| (at / 1000) as u8).collect();
    let expected = naive_data_hash(200, &pages_of(&content));
    for _ in 0..20 {
        let data = Data::from_bytes(&content).expect("short enough");
        let hashes: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(|| data.hash())).collect();
            threads.into_iter().map(|thread| thread.join().expect("it ends")).collect()
        });
        assert_eq!(hashes, [expected; 4]);
    }
}
