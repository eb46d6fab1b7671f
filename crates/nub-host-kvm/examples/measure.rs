//! How fast the guest is: `cargo run --release -p nub-host-kvm --example measure`.
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

    use javm_cap::ValidImage;
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
        for &(name, endpoint, arguments, count) in CALLS {
            let path = format!("{}/../../guests/images/{name}.nub", env!("CARGO_MANIFEST_DIR"));
            let bytes = std::fs::read(path)?;
            let mut local = Kernel::new(LocalArch);
            let image = local.publish(ValidImage::load(&bytes)?);
            let instance = local.instantiate(&image, &Grants::services())?;
            let call = Call { endpoint: EndpointRef::Name(endpoint), arguments, gas: GAS, scratchpad: None };
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
            let invoke = Invoke {
                instance,
                endpoint: Endpoint::Name(endpoint),
                arguments: arguments.into(),
                gas: GAS,
                scratchpad: None,
            };
            let request = Request::Invoke(invoke);
            sandbox.call(0, &request, patience)?;
            let exits = sandbox.exits();
            let there = times(count, || match sandbox.call(0, &request, patience)? {
                Reply::Outcome(_) => Ok(()),
                other => Err(format!("{other:?}").into()),
            })?;
            let exits = sandbox.exits() - exits;
            println!("{:<24} local {here:?}  kvm {there:?}  exits {exits}", format!("{name} {endpoint}"));
        }
        println!("{:?}", sandbox.call(0, &Request::Stats, patience)?);
        Ok(())
    }
}
