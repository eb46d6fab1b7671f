//! What Data costs: `cargo run --release -p javm-cap --example measure --features std` (or without the feature).

use std::hint::black_box;
use std::time::{Duration, Instant};

use javm_cap::{Data, PAGE_SIZE, PageRef};

/// The least time that one of `count` runs took.
fn least(count: u32, mut run: impl FnMut() -> Duration) -> Duration {
    (0..count).map(|_| run()).min().unwrap_or_default()
}

fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let result = black_box(work());
    (result, start.elapsed())
}

fn main() -> Result<(), javm_cap::DataError> {
    let megabyte: Vec<u8> = (0..1 << 20).map(|i: u32| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();

    println!("from_bytes of 1 MiB      {:?}", least(50, || timed(|| Data::from_bytes(&megabyte)).1));
    let first_hash = || {
        let data = Data::from_bytes(&megabyte);
        timed(|| data.map(|data| data.hash())).1
    };
    println!("first hash of 1 MiB      {:?}", least(50, first_hash));

    let pages = 1u32 << 18;
    let mut data = Data::new(pages)?;
    let mut page = [1; PAGE_SIZE];
    let ((), build) = timed(|| {
        for index in 0..pages {
            page[..4].copy_from_slice(&index.to_le_bytes());
            // The index is below the length.
            let _ = data.set_page(index, PageRef::from(&page));
        }
    });
    println!("1 GiB page by page       {build:?}");
    println!("first hash of 1 GiB      {:?}", timed(|| data.hash()).1);
    println!("hash again, unchanged    {:?}", least(50, || timed(|| data.hash()).1));
    println!("copy of 1 GiB            {:?} (1000 of them)", timed(|| vec![data.clone(); 1000]).1);

    let mut index = 0;
    let mut change = |data: &mut Data, value: u8| {
        index = (index + 77_777) % pages;
        timed(|| data.write(u64::from(index) * PAGE_SIZE as u64, &[value])).1
    };
    println!("write a byte, unshared   {:?}", least(200, || change(&mut data, 2)));
    let shared = least(200, || {
        let copy = data.clone();
        let time = change(&mut data, 3);
        drop(copy);
        time
    });
    println!("write a byte, shared     {shared:?} (copies the page and 18 nodes)");
    let reroot = |data: &mut Data, change: &mut dyn FnMut(&mut Data, u8) -> Duration| {
        let _ = data.hash();
        change(data, 4);
        timed(|| data.hash()).1
    };
    let mut times: Vec<Duration> = (0..200).map(|_| reroot(&mut data, &mut change)).collect();
    times.sort();
    println!("new root after one page  {:?} (median {:?})", times[0], times[times.len() / 2]);
    let mut times: Vec<Duration> = (0..200)
        .map(|_| {
            let _ = data.hash();
            (0..1000).for_each(|_| _ = change(&mut data, 5));
            timed(|| data.hash()).1
        })
        .collect();
    times.sort();
    println!("new root after 1000      {:?} (median {:?})", times[0], times[times.len() / 2]);
    Ok(())
}
