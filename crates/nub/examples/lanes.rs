//! What lanes cost and give, on this machine: `cargo run --release -p nub --example lanes`.
//!
//! Warm calls of `counter get` through the handle, beside so many lanes; the same as queries, alone and beside calls; queries of a
//! longer program from several threads; what an idle guest uses. Times are of whole calls: minimum and median, of
//! rounds that alternate between all guests, so that what else runs here disturbs them alike.

use std::error::Error;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use nub::{ArchChoice, Grants, InstanceId, InvokeOptions, Nub};
#[cfg(all(feature = "kvm", target_os = "linux", target_arch = "x86_64"))]
use nub_host_kvm::figures::time_used;

const ROUNDS: usize = 8;
const CALLS: usize = 500;

/// A handle with a program that does nearly nothing, and one that does something.
struct Subject {
    name: String,
    nub: Nub,
    short: InstanceId,
    long: InstanceId,
}

impl Subject {
    fn new(arch: ArchChoice, lanes: usize) -> Result<Subject, Box<dyn Error>> {
        let mut nub = Nub::builder().arch(arch).lanes(lanes).build()?;
        let mut made = |name: &str| -> Result<InstanceId, Box<dyn Error>> {
            let path = format!("{}/../../guests/images/{name}.nub", env!("CARGO_MANIFEST_DIR"));
            let image = nub.publish(&std::fs::read(path)?)?;
            Ok(nub.instantiate(&image, &Grants::services())?)
        };
        let (short, long) = (made("counter")?, made("fib")?);
        let name = match nub.health().boot_time {
            Some(boot) => format!("{arch}, {lanes} lanes (boot {boot:.1?})"),
            None => arch.to_string(),
        };
        Ok(Subject { name, nub, short, long })
    }
}

/// Minimum and median in nanoseconds.
fn summary(mut times: Vec<u64>) -> String {
    times.sort_unstable();
    format!("min {:5} median {:5} ns", times[0], times[times.len() / 2])
}

fn timed<T>(times: &mut Vec<u64>, act: impl FnOnce() -> T) -> T {
    let begun = Instant::now();
    let result = act();
    times.push(begun.elapsed().as_nanos() as u64);
    result
}

#[cfg(not(all(feature = "kvm", target_os = "linux", target_arch = "x86_64")))]
fn time_used() -> Option<Duration> {
    None
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut subjects = vec![Subject::new(ArchChoice::Local, 1)?];
    for lanes in [1, 2, 4, 16, 64] {
        match Subject::new(ArchChoice::Kvm, lanes) {
            Ok(subject) => subjects.push(subject),
            Err(error) => println!("no guest of {lanes} lanes: {error}"),
        }
    }
    let options = InvokeOptions::default();
    std::thread::sleep(Duration::from_millis(100));
    let before = time_used();
    std::thread::sleep(Duration::from_secs(1));
    let used = time_used().zip(before).map(|(after, before)| after - before);
    println!("all {} guests, idle: {used:?} of a second", subjects.len() - 1);

    let mut calls = vec![Vec::new(); subjects.len()];
    let mut queries = vec![Vec::new(); subjects.len()];
    for _ in 0..ROUNDS {
        for (index, Subject { nub, short, .. }) in subjects.iter_mut().enumerate() {
            for _ in 0..CALLS {
                timed(&mut calls[index], || nub.invoke(*short, "get", &[], &options))?;
            }
            for _ in 0..CALLS {
                timed(&mut queries[index], || nub.reader().query(*short, "get", &[], &options))?;
            }
        }
    }
    for ((subject, calls), queries) in subjects.iter().zip(calls).zip(queries) {
        println!("{:32} call {}, query {}", subject.name, summary(calls), summary(queries));
    }
    for Subject { name, nub, short, long } in &mut subjects {
        let (reader, over, mut times) = (nub.reader().clone(), AtomicBool::new(false), Vec::new());
        std::thread::scope(|scope| -> Result<(), Box<dyn Error>> {
            let queries = scope.spawn(|| {
                let mut times = Vec::new();
                while !over.load(Ordering::Relaxed) {
                    if timed(&mut times, || reader.query(*short, "get", &[], &options)).is_err() {
                        break;
                    }
                }
                times
            });
            for _ in 0..ROUNDS * CALLS {
                timed(&mut times, || nub.invoke(*short, "add", &[1], &options))?;
            }
            over.store(true, Ordering::Relaxed);
            let queries = queries.join().map_err(|_| "a thread panicked")?;
            println!("{name:32} beside each other: call {}, query {}", summary(times), summary(queries));
            Ok(())
        })?;
        let mut took = Vec::new();
        for threads in [1, 2, 4] {
            let begun = Instant::now();
            std::thread::scope(|scope| {
                for _ in 0..threads {
                    let (reader, long, options) = (nub.reader().clone(), *long, &options);
                    scope.spawn(move || (0..5).for_each(|_| drop(reader.query(long, "fib_recursive", &[22], options))));
                }
            });
            took.push(format!("{threads}: {:.1?}", begun.elapsed() / (5 * threads)));
        }
        println!("{name:32} a query of fib_recursive(22), by threads: {}", took.join(", "));
    }
    Ok(())
}
