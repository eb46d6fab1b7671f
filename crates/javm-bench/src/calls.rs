//! The group `calls`: what a call costs when the program does next to nothing.

use nub::{Ended, EndpointRef, Grants, InvokeOptions, Nub};

use crate::Selection;
use crate::exec::{GAS, load};
use crate::measure::{self, Contender, timed};
use crate::peer::{self, Peer};
use crate::report::{Line, Report};
use crate::workload::{Expected, Workload};

/// Calls between two looks at the clock.
const BATCH: u32 = 200;

/// What is called.
struct Figure {
    name: &'static str,
    image: &'static str,
    endpoint: &'static str,
    arguments: &'static [u64],
}

const FIGURES: &[Figure] = &[
    // Only returns, and has no memory but a stack.
    Figure { name: "call/bare", image: "fib", endpoint: "fib", arguments: &[0] },
    // Returns a number that it keeps in memory.
    Figure { name: "call/empty", image: "counter", endpoint: "get", arguments: &[] },
    // Changes that number, writes a line of text, and calls a service twice.
    Figure { name: "call/log", image: "counter", endpoint: "add", arguments: &[5] },
];

/// Measures the selected figures.
///
/// # Errors
/// When standard output cannot be written. What cannot run is left out, and standard error says why.
pub fn run(selection: &Selection) -> std::io::Result<()> {
    let mut report = Report::start(selection.json, &[peer::INTERPRETER])?;
    for &Figure { name, image, endpoint, arguments } in FIGURES {
        if !selection.takes(name) {
            continue;
        }
        let workload = Workload {
            name,
            image,
            endpoint,
            arguments: arguments.to_vec(),
            scratchpad: None,
            expected: Expected::Native { scratchpad: 0 },
            native: None,
        };
        match measure(&workload, selection) {
            Ok(line) => report.line(&line)?,
            Err(reason) => eprintln!("{name} is left out: {reason}"),
        }
    }
    report.finish()
}

/// Calls of one Instance, each finding what the one before has left.
fn measure(workload: &Workload, selection: &Selection) -> Result<Line, String> {
    let image = load(workload.image)?;
    let mut nub = Nub::new_local();
    let hash = nub.publish_image(image.clone());
    let instance = nub.instantiate(&hash, &Grants::services()).map_err(|error| error.to_string())?;
    let options = InvokeOptions { gas: GAS, scratchpad: workload.scratchpad.clone() };
    let number = image.endpoint(workload.endpoint).ok_or("no such endpoint")? as u16;
    let mut peer = Peer::new(&image, workload)?;

    let call = |nub: &mut Nub| -> Result<(), String> {
        let outcome = nub.invoke(instance, EndpointRef::Number(number), &workload.arguments, &options);
        let outcome = outcome.map_err(|error| error.to_string())?;
        if outcome.ended == Ended::Halt { Ok(()) } else { Err(format!("it ended with {:?}", outcome.ended)) }
    };
    let mut contenders: Vec<Contender<'_>> = vec![
        Box::new(|| {
            let (time, done) = timed(|| (0..BATCH).try_for_each(|_| call(&mut nub)));
            done.map(|()| time)
        }),
        Box::new(|| {
            peer.prepare()?;
            let (time, done) = timed(|| (0..BATCH).try_for_each(|_| peer.call().map(drop)));
            done.map(|()| time)
        }),
    ];
    let times = measure::in_turns(&mut contenders, selection.time)?;
    drop(contenders);
    let each = |index: usize| times[index].divided(f64::from(BATCH));
    Ok(Line {
        name: workload.name.into(),
        unit: "ns",
        nub: each(0),
        peers: vec![(peer::INTERPRETER, each(1))],
        note: peer.note(),
    })
}
