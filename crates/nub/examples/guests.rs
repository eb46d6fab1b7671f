//! How fast the example programs run: `cargo run --release -p nub --example guests`.
//!
//! Each line: program, instructions of the call (counted by a traced run), gas, median time of the call, and what that
//! comes to an instruction. Times are of whole calls, mounting included.

use std::path::Path;
use std::time::{Duration, Instant};

use nub::{Ended, Grants, InstanceId, InvokeOptions, Nub};

/// Program, endpoint, arguments, scratchpad.
const CALLS: &[(&str, &str, &[u64])] = &[
    ("counter", "add", &[5]),
    ("fib", "fib", &[90]),
    ("fib", "fib_recursive", &[24]),
    ("sieve", "sieve", &[1_000_000]),
    ("ed25519", "selftest", &[3]),
    ("mandelbrot", "render", &[120, 80, 200]),
];

/// How long each program is measured for, at least.
const MEASURE: Duration = Duration::from_millis(500);
const LEAST_RUNS: usize = 9;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let images = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../guests/images");
    println!("{:<22} {:>14} {:>14} {:>12} {:>8}", "call", "instructions", "gas", "median", "ns/inst");
    for (name, endpoint, arguments) in CALLS {
        let bytes = std::fs::read(images.join(name).with_extension("nub"))?;
        let mut nub = Nub::new_local();
        let image = nub.publish(&bytes)?;
        let fresh = nub.instantiate(&image, &Grants::services())?;
        let options = InvokeOptions { gas: 10_000_000_000, ..InvokeOptions::default() };
        let call = |nub: &mut Nub, instance: InstanceId| nub.invoke(instance, *endpoint, arguments, &options);

        let mut instructions = 0_u64;
        let counted = nub.copy(fresh)?;
        let traced = nub.invoke_traced(counted, *endpoint, arguments, &options, |_| instructions += 1)?;
        if traced.ended != Ended::Halt {
            return Err(format!("{name} {endpoint}: {:?} at {:#x}", traced.ended, traced.pc).into());
        }
        let mut times = Vec::new();
        let start = Instant::now();
        while start.elapsed() < MEASURE || times.len() < LEAST_RUNS {
            let instance = nub.copy(fresh)?;
            let before = Instant::now();
            let outcome = call(&mut nub, instance)?;
            times.push(before.elapsed());
            assert_eq!((outcome.value, outcome.gas_used), (traced.value, traced.gas_used), "{name}: two runs differ");
            nub.drop_instance(instance);
        }
        times.sort_unstable();
        let median = times[times.len() / 2];
        println!(
            "{:<22} {instructions:>14} {:>14} {:>9.1} µs {:>8.2}",
            format!("{name} {endpoint}"),
            traced.gas_used,
            median.as_secs_f64() * 1e6,
            median.as_secs_f64() * 1e9 / instructions as f64,
        );
    }
    Ok(())
}
