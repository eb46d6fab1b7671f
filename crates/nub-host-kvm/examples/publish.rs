//! How long publishing an Image of 1 MiB takes: `cargo run --release -p nub-host-kvm --example publish`.
//!
//! In this process, in the guest, and in the guest as it is on processors without AVX2: the first time and again, and what
//! its parts take; medians.

#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
fn main() {
    println!("there is no virtual machine on this system");
}

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    use std::collections::BTreeMap;
    use std::time::{Duration, Instant};

    use javm_cap::{Access, Backing, Data, Endpoint, Image, Mapping, PAGE_SIZE, ValidImage};
    use javm_isa::CostModel;
    use nub_arch_local::LocalArch;
    use nub_host_kvm::{Config, Hashing, Reply, Request, Sandbox};
    use nub_kernel::Kernel;

    const PAGES: u32 = 256;
    const ROUNDS: usize = 15;

    let image = |seed: u32| -> Result<Image, Box<dyn std::error::Error>> {
        let mut state = seed;
        let bytes: Vec<u8> = (0..PAGES as usize * PAGE_SIZE)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 24) as u8
            })
            .collect();
        let code = javm_isa::assemble("trap")?.blob().to_vec();
        let backing = Backing::Persistent { slot: 2, offset_pages: 0 };
        Ok(Image {
            memory: BTreeMap::from([(0x30, Mapping { pages: PAGES, access: Access::ReadWrite, backing })]),
            slots: BTreeMap::from([(2, Data::from_bytes(&bytes)?)]),
            ..Image::new(CostModel::Flat, code, vec![Endpoint::new("main".parse()?, 0)])
        })
    };
    let portable = Sandbox::start(&Config { hashing: Hashing::Portable, ..Config::default() })?;
    let sandbox = Sandbox::start(&Config::default())?;
    println!("{:?}, the guest hashes by {} code", sandbox.costs(), sandbox.hashing().name());
    let mut local = Kernel::new(LocalArch);
    let mut times: BTreeMap<&str, Vec<Duration>> = BTreeMap::new();
    for round in 0..ROUNDS {
        let bytes = image(round as u32 + 1)?.encode();
        let mut time = |name, begun: Instant| times.entry(name).or_default().push(begun.elapsed());
        for (load, publish) in [("local: load", "local: publish"), ("local: load again", "local: publish again")] {
            let begun = Instant::now();
            let valid = ValidImage::load(&bytes)?;
            time(load, begun);
            let begun = Instant::now();
            local.publish(valid);
            time(publish, begun);
        }
        for (sandbox, name) in [
            (&portable, "portable guest: first"),
            (&portable, "portable guest: again"),
            (&sandbox, "guest: first"),
            (&sandbox, "guest: again"),
        ] {
            let begun = Instant::now();
            let reply = sandbox.call(0, &Request::PutCap(&bytes), Duration::from_secs(10))?;
            time(name, begun);
            if !matches!(reply, Reply::Hash(_)) {
                return Err(format!("{reply:?}").into());
            }
        }
    }
    for (name, mut times) in times {
        times.sort_unstable();
        println!("{name:<24} {:?} (fastest {:?})", times[times.len() / 2], times[0]);
    }
    Ok(())
}
