//! The group `calls`: what a call costs when the program does next to nothing.

use std::collections::BTreeMap;

use javm_cap::{Access, Backing, Endpoint, Image, Import, Mapping, SCRATCHPAD_SLOT, ValidImage, Wanted};
use javm_isa::CostModel;
use nub::{Ended, EndpointRef, Grants, InvokeOptions, Nub};
use nub_kernel::service::Service;

use crate::Selection;
use crate::exec::{GAS, load};
use crate::measure::{self, Contender, timed};
use crate::peer::{self, Peer};
use crate::report::{Line, Report};
use crate::workload::{Call, Expected, Workload};

/// Calls between two looks at the clock.
const BATCH: u32 = 1000;

/// What is called.
struct Figure {
    name: &'static str,
    image: Source,
    endpoint: &'static str,
    arguments: &'static [u64],
    /// How often a call does what the figure is about.
    times: u32,
}

enum Source {
    /// An example program.
    Guest(&'static str),
    /// A loop that makes this call of the kernel as often as its argument says.
    Loop(&'static str),
}

const FIGURES: &[Figure] = &[
    // Only returns, and has no memory but a stack.
    Figure { name: "call/bare", image: Source::Guest("fib"), endpoint: "fib", arguments: &[0], times: 1 },
    // Returns a number that it keeps in memory.
    Figure { name: "call/empty", image: Source::Guest("counter"), endpoint: "get", arguments: &[], times: 1 },
    // Changes that number, writes a line of text, and calls a service twice.
    Figure { name: "call/add", image: Source::Guest("counter"), endpoint: "add", arguments: &[5], times: 1 },
    // The gas that is left, by `ecall`.
    Figure {
        name: "call/operation",
        image: Source::Loop("load_imm a4, 23\n ecall"),
        endpoint: "main",
        arguments: &[1000],
        times: 1000,
    },
    // An empty log entry, by `ecalli`.
    Figure {
        name: "call/service",
        image: Source::Loop("load_imm a0, 0\n load_imm a1, 0\n load_imm a4, 0x100\n ecalli 4"),
        endpoint: "main",
        arguments: &[1000],
        times: 1000,
    },
];

impl Source {
    fn load(&self) -> Result<ValidImage, String> {
        match self {
            Source::Guest(name) => load(name),
            Source::Loop(call) => {
                let text = format!(
                    "move_reg t0, a0\n fallthrough\n@next:\n {call}\n add_imm_64 t0, t0, -1\n \
                     branch_ne_imm t0, 0, @next\n jump_ind ra, 0"
                );
                looping(&text)
            }
        }
    }
}

/// An Image with a page of scratchpad and, in slot 4, LOG.
fn looping(text: &str) -> Result<ValidImage, String> {
    let program = javm_isa::assemble(text).map_err(|error| error.to_string())?;
    let name = "main".parse().map_err(|error| format!("{error:?}"))?;
    let backing = Backing::Persistent { slot: SCRATCHPAD_SLOT, offset_pages: 0 };
    let image = Image {
        memory: BTreeMap::from([(0x20, Mapping { pages: 1, access: Access::ReadWrite, backing })]),
        imports: BTreeMap::from([(4, Import { required: true, wanted: Wanted::Service(Service::Log as u32) })]),
        ..Image::new(CostModel::Pipeline, program.blob().to_vec(), vec![Endpoint::new(name, 1)])
    };
    image.validate().map_err(|error| error.to_string())
}

/// Measures the selected figures.
///
/// # Errors
/// When standard output cannot be written. What cannot run is left out, and standard error says why.
pub fn run(selection: &Selection) -> std::io::Result<()> {
    let mut report = Report::start(selection.json, "local", &[peer::INTERPRETER])?;
    for Figure { name, image, endpoint, arguments, times } in FIGURES {
        if !selection.takes(name) {
            continue;
        }
        let workload = call_of(name, endpoint, arguments);
        match image.load().and_then(|image| measure(&workload, &image, *times, selection)) {
            Ok(line) => report.line(&line)?,
            Err(reason) => eprintln!("{name} is left out: {reason}"),
        }
    }
    if selection.takes(SPAWN) {
        match spawn(selection) {
            Ok(line) => report.line(&line)?,
            Err(reason) => eprintln!("{SPAWN} is left out: {reason}"),
        }
    }
    report.finish()
}

/// A new Instance, called once, and dropped.
const SPAWN: &str = "spawn";

/// In nub a copy of an Instance that stands ready, in polkavm an instance of a module that stands ready.
fn spawn(selection: &Selection) -> Result<Line, String> {
    let image = load("counter")?;
    let workload = call_of(SPAWN, "get", &[]);
    let mut nub = Nub::new_local();
    let hash = nub.publish_image(image.clone()).map_err(|error| error.to_string())?;
    let ready = nub.instantiate(&hash, &Grants::services()).map_err(|error| error.to_string())?;
    let options = InvokeOptions { gas: GAS, ..InvokeOptions::default() };
    let mut peer = Peer::new(&image, &workload)?;
    let mut once = || -> Result<(), nub::Error> {
        let instance = nub.copy(ready)?;
        nub.invoke(instance, "get", &[], &options)?;
        nub.drop_instance(instance);
        Ok(())
    };
    let mut contenders: Vec<Contender<'_>> = vec![
        Box::new(|| {
            let (time, done) = timed(|| (0..BATCH).try_for_each(|_| once()));
            done.map(|()| time).map_err(|error| error.to_string())
        }),
        Box::new(|| {
            let (time, done) = timed(|| {
                (0..BATCH).try_for_each(|_| {
                    peer.spawn()?;
                    peer.call().map(drop)
                })
            });
            done.map(|()| time)
        }),
    ];
    let times = measure::in_turns(&mut contenders, selection.time)?;
    drop(contenders);
    let each = |index: usize| times[index].divided(f64::from(BATCH));
    Ok(Line {
        name: SPAWN.into(),
        unit: "ns",
        nub: each(0),
        peers: vec![(peer::INTERPRETER, each(1))],
        note: peer.note(),
    })
}

fn call_of(name: &'static str, endpoint: &'static str, arguments: &[u64]) -> Workload {
    Workload {
        name,
        image: "",
        before: Vec::new(),
        call: Call { endpoint, registers: arguments.to_vec(), scratchpad: None, native: None },
        expected: Expected::Native,
        keeps_state: true,
    }
}

/// Calls of one Instance, each finding what the one before has left.
fn measure(workload: &Workload, image: &ValidImage, times: u32, selection: &Selection) -> Result<Line, String> {
    let mut nub = Nub::new_local();
    let hash = nub.publish_image(image.clone()).map_err(|error| error.to_string())?;
    let instance = nub.instantiate(&hash, &Grants::services()).map_err(|error| error.to_string())?;
    let options = InvokeOptions { gas: GAS, scratchpad: workload.call.scratchpad.clone(), ..InvokeOptions::default() };
    let number = image.endpoint(workload.call.endpoint).ok_or("no such endpoint")? as u16;
    let mut peer = Peer::new(image, workload)?;

    let batch = (BATCH / times).max(1);
    let call = |nub: &mut Nub| -> Result<(), String> {
        let outcome = nub.invoke(instance, EndpointRef::Number(number), &workload.call.registers, &options);
        let outcome = outcome.map_err(|error| error.to_string())?;
        if outcome.ended == Ended::Halt { Ok(()) } else { Err(format!("it ended with {:?}", outcome.ended)) }
    };
    let mut contenders: Vec<Contender<'_>> = vec![
        Box::new(|| {
            let (time, done) = timed(|| (0..batch).try_for_each(|_| call(&mut nub)));
            done.map(|()| time)
        }),
        Box::new(|| {
            peer.prepare()?;
            let (time, done) = timed(|| (0..batch).try_for_each(|_| peer.call().map(drop)));
            done.map(|()| time)
        }),
    ];
    let measured = measure::in_turns(&mut contenders, selection.time)?;
    drop(contenders);
    let each = |index: usize| measured[index].divided(f64::from(batch * times));
    Ok(Line {
        name: workload.name.into(),
        unit: "ns",
        nub: each(0),
        peers: vec![(peer::INTERPRETER, each(1))],
        note: peer.note(),
    })
}
