//! Four threads at one handle: trees that are loaded, called with gifts, read back, copied and dropped, what is put and let go of,
//! Images that come and go, queries beside all that, and what is refused. Nothing may grow: `NUB_SOAK_SECONDS` says for how
//! long. A process of its own, so that its memory and its files are those of the soak.
#![cfg(all(feature = "kvm", target_os = "linux", target_arch = "x86_64"))]

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Barrier, Mutex, PoisonError};
use std::time::{Duration, Instant};

use nub::cap::{CNode, Instance, Path};
use nub::{ArchChoice, Capability, Data, Ended, Error, ErrorCode, InvokeOptions, Nub, Reader, ValidImage};

const THREADS: u8 = 4;
/// What a thread does between two looks at what has grown.
const STEPS: u64 = 4;
/// Memory may differ by this much between two moments of rest: what allocators keep for later.
const SLACK: u64 = 256 << 10;
/// The same for the host's memory.
const HOST_SLACK: u64 = 8 << 20;

const COUNTER: &[u8] = include_bytes!("../../../guests/images/counter.nub");
const FIB: &[u8] = include_bytes!("../../../guests/images/fib.nub");

/// A counter, and below it another one in a table with pages that no other thread and no other step has.
fn tree(image: &ValidImage, thread: u8, step: u64) -> Instance {
    let mut bytes = vec![thread + 1; 9000];
    bytes[..8].copy_from_slice(&step.to_le_bytes());
    let data = Capability::from(Data::from_bytes(&bytes).expect("short"));
    let table = CNode::from_slots([(1, Instance::new(image.clone()).into()), (2, data)]).expect("small");
    let mut root = Instance::new(image.clone());
    root.put_at(&[200], table).expect("small");
    root
}

/// One step: everything that it makes is gone at its end.
fn step(nub: &Mutex<Nub>, reader: &Reader, image: &ValidImage, (thread, step): (u8, u64)) {
    let nub = || nub.lock().unwrap_or_else(PoisonError::into_inner);
    let root = tree(image, thread, step);
    let loaded = nub().load(root.clone()).expect("it is a tree");
    let below = InvokeOptions { path: Path::new(&[200, 1]).expect("short"), ..InvokeOptions::default() };
    for times in 1..4 {
        let outcome = nub().invoke(loaded, "add", &[step], &below).expect("it is called");
        assert_eq!((outcome.ended, outcome.value), (Ended::Halt, step * times));
        let seen = reader.query(loaded, "get", &[], &below).expect("it is called").value;
        assert_eq!(seen, step * times);
    }
    let gift = root.table().get(200).cloned().expect("it is there");
    let put = nub().put_cap(&gift).expect("it is put");
    let options = InvokeOptions { gift: Some(gift), ..below };
    nub().invoke(loaded, "get", &[], &options).expect("it is called");
    let copy = nub().copy(loaded).expect("it is copied");
    let read = nub().capability(copy, &Path::ROOT).expect("it answers").expect("it is there");
    assert_eq!(Ok(read.hash()), nub().state_root(loaded));
    // What is refused leaves nothing either.
    let mut wrong = root;
    wrong.set_quota(Some(1)).expect("small");
    assert_eq!(nub().load(wrong).expect_err("it is larger").code(), ErrorCode::Quota);
    {
        // Another thread may have an Instance of it.
        let mut nub = nub();
        let fib = nub.publish(FIB).expect("an Image");
        let made = nub.instantiate(&fib, &nub::Grants::services()).expect("it is made");
        assert_eq!(nub.invoke(made, "fib", &[20], &InvokeOptions::default()).expect("it is called").value, 6765);
        assert!(nub.drop_instance(made));
        assert_eq!(nub.unpublish(&fib), Ok(true));
    }
    assert_eq!(nub().drop_cap(&put), Ok(true));
    assert!(nub().drop_instance(copy) && nub().drop_instance(loaded));
}

/// What is taken at a moment at which nothing is done.
#[derive(Debug)]
struct Sample {
    heap: u64,
    frames: u64,
    resident: u64,
    files: u64,
}

fn sample(nub: &Mutex<Nub>) -> Sample {
    let stats = nub.lock().unwrap_or_else(PoisonError::into_inner).stats().expect("it answers");
    assert_eq!((stats.instances, stats.images), (0, 1), "all is gone but the counter's Image");
    let pages = std::fs::read_to_string("/proc/self/statm").expect("Linux says it");
    let resident: u64 = pages.split_whitespace().nth(1).and_then(|pages| pages.parse().ok()).expect("a number");
    let files = std::fs::read_dir("/proc/self/fd").expect("Linux says it").count() as u64;
    let (heap, frames) = (stats.heap_used.expect("a guest has one"), stats.frames_used.expect("a guest has some"));
    Sample { heap, frames, resident: resident * 4096, files }
}

/// By how much the least of the last third is above the most of the second: what grows always does so there.
fn growth(samples: &[Sample], of: impl Fn(&Sample) -> u64) -> u64 {
    let third = samples.len() / 3;
    let before = samples[third..2 * third].iter().map(&of).max().unwrap_or(0);
    samples[2 * third..].iter().map(of).min().unwrap_or(0).saturating_sub(before)
}

#[test]
fn nothing_grows_at_the_handle() {
    let seconds = std::env::var("NUB_SOAK_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(2.0);
    let builder = Nub::builder().arch(ArchChoice::Kvm).memory(128 << 20).lanes(3).patience(Duration::from_secs(20));
    let mut nub = match builder.build() {
        Ok(nub) => nub,
        Err(Error::NoKvm(why)) => return nub_test_skip::without_kvm(&why),
        Err(error) => panic!("{error}"),
    };
    let image = ValidImage::load(COUNTER).expect("an Image");
    nub.publish_image(image.clone()).expect("it is published");
    let reader = nub.reader().clone();
    let (nub, barrier, over) = (Mutex::new(nub), Barrier::new(usize::from(THREADS) + 1), AtomicBool::new(false));
    let (mut samples, mut failed, begun) = (Vec::new(), None, Instant::now());
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let (nub, reader, image, barrier, over) = (&nub, reader.clone(), &image, &barrier, &over);
            scope.spawn(move || {
                for round in 0.. {
                    // A thread that fails still lets the others go on to where they notice.
                    let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                        (0..STEPS).for_each(|number| step(nub, &reader, image, (thread, round * STEPS + number)));
                    }));
                    over.fetch_or(done.is_err(), Relaxed);
                    barrier.wait();
                    // Here the samples are taken.
                    barrier.wait();
                    if let Err(panic) = done {
                        std::panic::resume_unwind(panic);
                    }
                    if over.load(Relaxed) {
                        return;
                    }
                }
            });
        }
        loop {
            barrier.wait();
            if !over.load(Relaxed) {
                // The threads wait: they are told before this one fails.
                let taken = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| sample(&nub)));
                let is_enough = begun.elapsed().as_secs_f64() >= seconds && samples.len() >= 12;
                over.store(taken.is_err() || is_enough, Relaxed);
                failed = taken.map(|sample| samples.push(sample)).err();
            }
            let ends = over.load(Relaxed);
            barrier.wait();
            if ends {
                break;
            }
        }
    });
    if let Some(panic) = failed {
        std::panic::resume_unwind(panic);
    }
    let health = nub.lock().unwrap_or_else(PoisonError::into_inner).health();
    assert_eq!((health.is_alive, health.restarts), (true, 0), "{:?}", health.last_end);
    for at in [0, samples.len() / 3, 2 * samples.len() / 3, samples.len() - 1] {
        eprintln!("after {} of {} rounds: {:?}", at + 1, samples.len(), samples[at]);
    }
    for (what, slack, of) in [
        ("heap in use", SLACK, (|sample| sample.heap) as fn(&Sample) -> u64),
        ("page frames in use", SLACK / 4096, |sample| sample.frames),
        ("host memory", HOST_SLACK, |sample| sample.resident),
        ("open files", 0, |sample| sample.files),
    ] {
        let grown = growth(&samples, of);
        assert!(grown <= slack, "{what} grew by {grown} within {:?}", begun.elapsed());
    }
}
