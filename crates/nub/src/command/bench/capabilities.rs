//! What values cost: copies, new roots, Instances. All of it in this process: values are the same code on every machine.

use std::collections::BTreeSet;
use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};

use blake2b_simd::many::{HashManyJob, hash_many, update_many};
use javm_cap::{CNode, Capability, Data, DataError, Instance, PAGE_SIZE, Page, PageRef, Service, ValidImage};

use super::super::failure::Failure;
use super::measure::{self, Times, nanoseconds};
use super::{BYTES, NANOSECONDS, programs};

/// The pages of 1 GiB.
const GIBIBYTE: u32 = 1 << 18;

/// Steps from one changed page to the next: coprime to the number of pages, so that all are visited and far apart.
const STRIDE: u32 = 77_777;

/// Instances that memory is counted over.
const INSTANCES: usize = 100_000;
/// The same where each has a page of its own.
const INSTANCES_WITH_PAGE: usize = 20_000;

/// A figure of this group: its name, unit and samples.
pub(super) type Figure = (&'static str, &'static str, Times);

/// A Data without a page of zeros. Its pages share one page of memory until they are changed, which no figure here tells
/// from pages that do not.
pub(super) fn full(pages: u32) -> Result<Data, DataError> {
    let page = PageRef::from(&[7; PAGE_SIZE]);
    let mut data = Data::new(pages)?;
    (0..pages).try_for_each(|index| data.set_page(index, page.clone()))?;
    Ok(data)
}

/// Every figure, handed to `take` as soon as it is there.
///
/// # Errors
/// Those of `take`, and a text for what cannot be built, which a test does.
pub(super) fn measure(time: Duration, mut take: impl FnMut(Figure) -> Result<(), Failure>) -> Result<(), Failure> {
    let text = |error: &dyn std::fmt::Display| Failure::malformed(Path::new("a value of nub's own"), error.to_string());
    let data = |pages| full(pages).map_err(|error| text(&error));
    let image = programs::EMPTY.image().map_err(|error| text(&error))?;
    // First of all: what was freed before would be used again, and not be counted.
    let memory = memory(&image).map_err(|error| text(&*error))?;
    let gibibyte = data(GIBIBYTE)?;
    let copied: [(&str, Capability); 4] = [
        ("copy/4KiB", data(1)?.into()),
        ("copy/1MiB", data(1 << 8)?.into()),
        ("copy/1GiB", gibibyte.clone().into()),
        ("copy/instance-1000", family(&image).map_err(|error| text(&error))?.into()),
    ];
    for (name, capability) in copied {
        take((name, NANOSECONDS, copy(time, &capability)))?;
    }
    let mut changing = Changing { data: gibibyte, next: 0, value: 0 };
    for (count, name, alone) in [
        (1, "reroot/1-of-1GiB", "reroot/1-of-1GiB-hashing-alone"),
        (1000, "reroot/1000-of-1GiB", "reroot/1000-of-1GiB-hashing-alone"),
    ] {
        // In turns, so that both meet the same machine.
        let (mut roots, mut hashing) = (Vec::new(), Vec::new());
        let start = Instant::now();
        while roots.len() < measure::LEAST_SAMPLES || start.elapsed() < time {
            changing.change(count).map_err(|error| text(&error))?;
            roots.push(nanoseconds(changing.root()));
            // Other pages, as the caches have those by now.
            let changed = changing.change(count).map_err(|error| text(&error))?;
            hashing.push(nanoseconds(hashing_alone(&changing.data, &changed)));
        }
        take((name, NANOSECONDS, Times::new(roots)))?;
        take((alone, NANOSECONDS, Times::new(hashing)))?;
    }
    for (name, each) in ["instances/bytes-each", "instances/bytes-each-with-page"].into_iter().zip(memory) {
        take((name, BYTES, Times::new(vec![each])))?;
    }
    Ok(())
}

/// A copy made and let go of.
fn copy(time: Duration, capability: &Capability) -> Times {
    let Ok(times) = measure::repeated(time, || {
        drop(black_box(black_box(capability).clone()));
        Ok::<(), std::convert::Infallible>(())
    });
    times
}

/// An Instance with 1,000 descendants: its child, that one's child and so on twelve deep, and the rest beside them.
pub(super) fn family(image: &ValidImage) -> Result<Instance, Box<dyn std::error::Error>> {
    let mut line = Instance::new(image.clone());
    for _ in 0..11 {
        let mut parent = Instance::new(image.clone());
        parent.put_at(&[20], line)?;
        line = parent;
    }
    let mut root = Instance::new(image.clone());
    root.put_at(&[20], line)?;
    for number in 0..1000 - 12 {
        let group = 30 + (number / 250) as u8;
        if number % 250 == 0 {
            root.put_at(&[group], CNode::new())?;
        }
        root.put_at(&[group, (number % 250) as u8], Instance::new(image.clone()))?;
    }
    Ok(root)
}

/// A Data that is changed again and again.
struct Changing {
    data: Data,
    next: u32,
    value: u64,
}

impl Changing {
    /// Changes so many pages, none twice, after its root was found; gives them.
    fn change(&mut self, count: u32) -> Result<Vec<u32>, DataError> {
        black_box(self.data.root());
        let mut changed = Vec::new();
        for _ in 0..count {
            self.next = (self.next + STRIDE) % self.data.pages();
            self.value += 1;
            self.data.write(u64::from(self.next) * PAGE_SIZE as u64, &self.value.to_le_bytes())?;
            changed.push(self.next);
        }
        Ok(changed)
    }

    /// How long its new root takes.
    fn root(&self) -> Duration {
        let start = Instant::now();
        black_box(self.data.root());
        start.elapsed()
    }
}

/// How long it takes to hash what a new root does after these pages of 1 GiB were changed: the pages where they are, and as
/// many messages as there are nodes above them, which stand in memory one behind the other.
fn hashing_alone(data: &Data, changed: &[u32]) -> Duration {
    let mut params = blake2b_simd::Params::new();
    params.hash_length(32);
    let mut above: BTreeSet<u32> = changed.iter().copied().collect();
    let mut nodes = 0;
    for _ in 0..GIBIBYTE.trailing_zeros() {
        above = above.into_iter().map(|index| index / 2).collect();
        nodes += above.len();
    }
    let pages: Vec<&Page> = changed.iter().filter_map(|&index| data.page(index).map(|page| &**page)).collect();
    let messages = vec![[1; 65]; nodes];
    let start = Instant::now();
    let mut begun = params.to_state();
    begun.update(&[0]);
    for chunk in pages.chunks(8) {
        let mut states = vec![begun.clone(); chunk.len()];
        update_many(states.iter_mut().zip(chunk.iter().map(|page| &page[..])));
        states.iter().for_each(|state| _ = black_box(state.finalize()));
    }
    for chunk in messages.chunks(8) {
        let mut jobs: Vec<HashManyJob> = chunk.iter().map(|message| HashManyJob::new(&params, message)).collect();
        hash_many(&mut jobs);
        jobs.iter().for_each(|job| _ = black_box(job.to_hash()));
    }
    start.elapsed()
}

/// The memory that each of many Instances of one Image takes, in bytes, with the slot that it stands in: first with a
/// table of its own, then with a page of its own too. Nothing where the system does not say how much memory is used.
fn memory(image: &ValidImage) -> Result<Vec<f64>, Box<dyn std::error::Error>> {
    let mut kept = Vec::new();
    let mut each = Vec::new();
    for (count, with_page) in [(INSTANCES, false), (INSTANCES_WITH_PAGE, true)] {
        let before = resident();
        kept.push(many(image, count, with_page)?);
        let used = resident().zip(before).map(|(after, before)| after.saturating_sub(before));
        each.extend(used.map(|used| used as f64 / count as f64));
    }
    drop(black_box(kept));
    Ok(each)
}

/// So many Instances of an Image, in tables of 256.
fn many(image: &ValidImage, count: usize, with_page: bool) -> Result<CNode, Box<dyn std::error::Error>> {
    let mut root = CNode::new();
    for number in 0..count {
        let [slot, table, group, ..] = number.to_le_bytes();
        if table == 0 && slot == 0 {
            root.put_at(&[group], CNode::new())?;
        }
        if slot == 0 {
            root.put_at(&[group, table], CNode::new())?;
        }
        let mut instance = Instance::new(image.clone());
        instance.put_at(&[programs::LOG_SLOT], Service { id: 1, parameter: number as u64 })?;
        if with_page {
            instance.table_mut().data_at(&[programs::STATE_SLOT])?.write(0, &(number as u64 + 1).to_le_bytes())?;
        }
        root.put_at(&[group, table, slot], instance)?;
    }
    Ok(root)
}

/// The memory that this process uses, in bytes.
fn resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? * 1024)
}
