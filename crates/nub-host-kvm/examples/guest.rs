//! How fast the guest is: `cargo run --release -p nub-host-kvm --example guest`.
//!
//! Boot to the first reply, an empty round trip, and calls of example programs beside the same kernel in this process.
//! Times are of whole calls; minimum, median and 99th percentile.

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    measured::run()
}

#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
fn main() {
    println!("there is no virtual machine on this system");
}

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod measured {
    use std::error::Error;
    use std::time::{Duration, Instant};

    use javm_cap::{Data, ValidImage};
    use nub_arch_local::LocalArch;
    use nub_host_kvm::request::{Endpoint, Invoke};
    use nub_host_kvm::{Config, Reply, Request, Sandbox};
    use nub_kernel::{Call, EndpointRef, Grants, Kernel};

    const GAS: u64 = 10_000_000_000;
    /// Program, endpoint, arguments, how often it is called.
    const CALLS: &[(&str, &str, &[u64], usize)] = &[
        ("counter", "get", &[], 20_000),
        ("counter", "add", &[1], 20_000),
        ("fib", "fib", &[90], 20_000),
        ("fib", "fib_recursive", &[20], 50),
        ("sieve", "sieve", &[100_000], 30),
        ("mandelbrot", "render", &[30, 20, 200], 200),
        ("ed25519", "selftest", &[1], 200),
    ];

    fn times(
        count: usize,
        mut run: impl FnMut() -> Result<(), Box<dyn Error>>,
    ) -> Result<[Duration; 3], Box<dyn Error>> {
        let mut times = Vec::with_capacity(count);
        for _ in 0..count {
            let begun = Instant::now();
            run()?;
            times.push(begun.elapsed());
        }
        times.sort_unstable();
        Ok([times[0], times[count / 2], times[count * 99 / 100]])
    }

    /// Publishing Images of 1 MiB, each for the first time and again.
    fn publishing(sandbox: &Sandbox) -> Result<(), Box<dyn Error>> {
        let patience = Duration::from_secs(10);
        let bytes = std::fs::read(format!("{}/../../guests/images/fib.nub", env!("CARGO_MANIFEST_DIR")))?;
        let mut image = ValidImage::load(&bytes)?.image().clone();
        let slot = (2u8..255).find(|slot| !image.slots.contains_key(slot)).ok_or("no slot is free")?;
        let mut published = Vec::new();
        let mut number = 0u64;
        let first = times(30, || {
            number += 1;
            let mut random = number;
            let words = std::iter::repeat_with(|| {
                random = random.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
                random
            });
            let content: Vec<u8> = words.take((1 << 20) / 8).flat_map(u64::to_le_bytes).collect();
            image.slots.insert(slot, Data::from_bytes(&content)?);
            published.push(image.encode());
            Ok(())
        })?;
        println!("{:<24} {first:?}", "making 1 MiB");
        let mut encoded = published.iter();
        let mut hashes = Vec::new();
        let put = times(published.len(), || {
            let image = encoded.next().ok_or("there are as many")?;
            match sandbox.call(0, &Request::PutCap(image), patience)? {
                Reply::Hash(hash) => hashes.push(hash),
                other => return Err(format!("{other:?}").into()),
            }
            Ok(())
        })?;
        let mut kernel = Kernel::new(LocalArch);
        let mut encoded = published.iter();
        let here = times(published.len(), || {
            kernel.publish(ValidImage::load(encoded.next().ok_or("there are as many")?)?);
            Ok(())
        })?;
        println!("{:<24} local {here:?}  kvm {put:?}", "put_cap 1 MiB");
        let again = times(20_000, || match sandbox.call(0, &Request::Contains(hashes[0]), patience)? {
            Reply::Flag(true) => Ok(()),
            other => Err(format!("{other:?}").into()),
        })?;
        println!("{:<24} {again:?}", "contains");
        Ok(())
    }

    pub fn run() -> Result<(), Box<dyn Error>> {
        let config = Config::default();
        for _ in 0..3 {
            let sandbox = Sandbox::start(&config)?;
            println!("boot {:?}, {:?}", sandbox.boot_time(), sandbox.privilege());
        }
        let sandbox = Sandbox::start(&config)?;
        let patience = Duration::from_secs(60);
        let ping = times(100_000, || {
            sandbox.call(0, &Request::Ping, patience)?;
            Ok(())
        })?;
        println!("{:<24} {ping:?}", "ping");
        publishing(&sandbox)?;
        for &(name, endpoint, arguments, count) in CALLS {
            let path = format!("{}/../../guests/images/{name}.nub", env!("CARGO_MANIFEST_DIR"));
            let bytes = std::fs::read(path)?;
            let mut local = Kernel::new(LocalArch);
            let image = local.publish(ValidImage::load(&bytes)?);
            let instance = local.instantiate(&image, &Grants::services())?;
            let call = Call::new(EndpointRef::Name(endpoint), arguments, GAS);
            local.invoke(instance, &call, None)?;
            let here = times(count, || {
                local.invoke(instance, &call, None)?;
                Ok(())
            })?;
            sandbox.call(0, &Request::PutCap(&bytes), patience)?;
            let request = Request::Instantiate { image: image.0, all_services: true, services: vec![] };
            let Reply::Instance(instance) = sandbox.call(0, &request, patience)? else {
                return Err("no instance".into());
            };
            let invoke = Invoke::new(instance, Endpoint::Name(endpoint), arguments, GAS);
            let request = Request::Invoke(invoke);
            sandbox.call(0, &request, patience)?;
            let exits = sandbox.exits();
            let there = times(count, || match sandbox.call(0, &request, patience)? {
                Reply::Outcome(_) => Ok(()),
                other => Err(format!("{other:?}").into()),
            })?;
            let exits = sandbox.exits().since(exits).total();
            println!("{:<24} local {here:?}  kvm {there:?}  exits {exits}", format!("{name} {endpoint}"));
        }
        println!("{:?}", sandbox.call(0, &Request::Stats, patience)?);
        Ok(())
    }
}
