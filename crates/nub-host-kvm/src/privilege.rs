//! At which privilege the kernel runs here.
//!
//! Hardware virtualization runs ring 0 as fast as ring 3. Some hosts have KVM without it, and emulate ring 0 one
//! instruction at a time, without SSE. Which it is shows in how long a loop of integer instructions takes in ring 0.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use nub_arch_x86_abi::Privilege;
use nub_arch_x86_abi::layout::{IMAGE_BASE, MIN_MEMORY};
use nub_arch_x86_abi::port::{EVENT_PORT, Event};

use crate::boot::Loader;
use crate::error::Error;
use crate::hypervisor::{Exit, Machine as _, Processor as _};
use crate::kvm::{self, KvmMachine};
use crate::memory::GuestMemory;

/// What was found out about this machine.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Probe {
    /// The privilege that suits it.
    pub privilege: Privilege,
    /// Why, for people.
    pub reason: String,
}

/// How often the loop runs.
const ITERATIONS: u32 = 4000;
/// Slower than this an iteration, and ring 0 is emulated.
const SLOWEST: Duration = Duration::from_nanos(50);

/// Finds out, once a process.
pub(crate) fn probe() -> Result<&'static Probe, Error> {
    static PROBE: OnceLock<Probe> = OnceLock::new();
    if let Some(probe) = PROBE.get() {
        return Ok(probe);
    }
    let found = measure()?;
    Ok(PROBE.get_or_init(|| found))
}

fn measure() -> Result<Probe, Error> {
    // mov ecx, ITERATIONS; again: dec ecx; jnz again; mov eax, Answered; mov edx, EVENT_PORT; out dx, eax; jmp to start
    let mut code = vec![0xb9];
    code.extend_from_slice(&ITERATIONS.to_le_bytes());
    code.extend_from_slice(&[0xff, 0xc9, 0x75, 0xfc, 0xb8]);
    code.extend_from_slice(&(Event::Answered as u32).to_le_bytes());
    code.push(0xba);
    code.extend_from_slice(&u32::from(EVENT_PORT).to_le_bytes());
    code.push(0xef);
    let back = -(code.len() as i8 + 2);
    code.extend_from_slice(&[0xeb, back as u8]);

    let kvm = kvm::open()?;
    let memory = Arc::new(GuestMemory::new(MIN_MEMORY)?);
    let mut loader = Loader::new(&memory, 1, false)?;
    loader.load(IMAGE_BASE, &code, code.len() as u64, false, true)?;
    let interrupts = loader.interrupts(IMAGE_BASE)?;
    let start = loader.start(0, IMAGE_BASE, interrupts, 0)?;
    let machine = KvmMachine::new(&kvm, &memory)?;
    let mut processor = machine.processor(0)?;
    processor.start(&start)?;
    let mut best = Duration::MAX;
    for _ in 0..3 {
        let begun = Instant::now();
        let exit = loop {
            match processor.run() {
                Exit::Kicked => {}
                exit => break exit,
            }
        };
        match exit {
            Exit::Port(EVENT_PORT, _) => best = best.min(begun.elapsed()),
            other => {
                return Ok(Probe { privilege: Privilege::User, reason: format!("ring 0 does not run: {other:?}") });
            }
        }
    }
    let iteration = best / ITERATIONS;
    let (privilege, how) = if iteration > SLOWEST {
        (Privilege::User, "so slowly that it must be emulated")
    } else {
        (Privilege::Supervisor, "natively")
    };
    Ok(Probe { privilege, reason: format!("ring 0 runs {how}: {iteration:?} for an iteration of a loop") })
}
